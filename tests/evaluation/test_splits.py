from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from hanzaki import Annotations, SettingError
from hanzaki.annotations import COLUMNS
from hanzaki.evaluation import miewid_split
from hanzaki.evaluation.encounters import encounter_of, frame_of, individual_of
from hanzaki.evaluation.lots import drawn
from hanzaki.evaluation.splits import PROTOCOLS, Split, make_split


def annotations(rows: list[dict[str, object]]) -> Annotations:
    return Annotations(pd.DataFrame(rows, columns=list(COLUMNS), dtype=object))


def herd(individuals: int, encounters: int, *, photographs: int = 1, sides=("left",), species="x") -> Annotations:
    """So many animals, each met so often, with so many photographs of each side each time."""
    return annotations(
        [
            {
                "path": f"{species}/{animal}/{met}_{side}_{number}.jpg",
                "identity": f"animal {animal}",
                "species": species,
                "encounter": f"met {met}",
                "orientation": side,
            }
            for animal in range(individuals)
            for met in range(encounters)
            for side in sides
            for number in range(photographs)
        ]
    )


def together(*tables: Annotations) -> Annotations:
    return Annotations(pd.concat([table.frame for table in tables]))


def paths(table: Annotations) -> list[str]:
    return [row.path for row in table]


ASKED = {
    "miewid": {},
    "individual": {"test": 0.4},
    "date": {"train_days": "..2022-08-20"},
    "daytime": {"train_light": "morning", "test_light": "evening"},
    "encounter": {"unknown": 0.3},
    "photograph": {},
}


def scattered(count: int, dice: random.Random) -> list[dict[str, object]]:
    """Rows of every kind: some stand twice, some are of nobody known, some have no date or no encounter."""
    return [
        {
            "path": f"{dice.randrange(3 * count)}.jpg",
            "identity": dice.choice(["a", "b", "c", "d", "e", "f", None]),
            "species": dice.choice(["x", "x", None]),
            "orientation": dice.choice(["left", "left", "right", None]),
            "encounter": dice.choice([*"12345678", None]),
            "date": dice.choice(
                [None, *(datetime(2022, 8, d, h) for d in (19, 20, 21, 22) for h in (0, 9, 13, 18))]
            ),
            "bbox": dice.choice([None, "0 0 9 9"]),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(st.integers(0, 250), st.integers(0, 9), st.sampled_from([0, 0.3]), st.integers(0, 999).map(random.Random))
@settings(deadline=None, max_examples=60)
def test_every_row_stands_in_one_part_or_is_counted_and_the_order_of_the_table_decides_nothing(
    protocol: str, count: int, seed: int, validation: float, dice: random.Random
):
    rows = scattered(count, dice)
    table = annotations(rows)
    dice.shuffle(rows)
    try:
        split = make_split(table, protocol, seed=seed, validation=validation, **ASKED[protocol])
    except SettingError as error:
        event("refused")
        with pytest.raises(SettingError) as again:
            make_split(annotations(rows), protocol, seed=seed, validation=validation, **ASKED[protocol])
        assert str(again.value) == str(error)
        return
    again = make_split(annotations(rows), protocol, seed=seed, validation=validation, **ASKED[protocol])
    assert again.left_out == split.left_out
    assert list(split.parts) == (["train", "validation", "test"] if validation else ["train", "test"])
    for name, part in split.parts.items():
        assert len(part) > 0
        assert list(map(repr, again.parts[name])) == list(map(repr, part))
    placed = [(row.path, row.bbox, row.species, row.identity) for part in split.parts.values() for row in part]
    assert len(placed) == len(set(placed))
    assert len(placed) + sum(split.left_out.values()) == len(table)
    assert all(row.identity for part in split.parts.values() for row in part)
    _check(protocol, split)


def _check(protocol: str, split: Split) -> None:
    """What each protocol promises."""
    everywhere = [split.encounters(name) for name in split.parts]
    train, test = split.parts["train"], split.parts["test"]
    if protocol in ("individual", "encounter", "miewid", "date"):
        assert protocol == "date" or len(set().union(*everywhere)) == sum(map(len, everywhere))
    if protocol == "individual":
        assert split.unseen("test") == split.individuals("test")
    if protocol in ("individual", "miewid") and "validation" in split.parts:
        assert split.unseen("validation") == split.individuals("validation")
    if protocol == "encounter":
        learnt = {(individual_of(row), row.orientation) for row in train}
        strangers = split.unseen("test")
        assert all(
            individual_of(row) in strangers or (individual_of(row), row.orientation) in learnt for row in test
        )
    if protocol == "date":
        assert {row.date.day for row in train} <= {19, 20}
        assert {row.date.day for row in test} <= {21, 22}
    if protocol == "daytime":
        assert {row.date.hour for row in train} == {9}
        assert {row.date.hour for row in test} == {18}
    if protocol == "miewid":
        _check_miewid(split)


def _check_miewid(split: Split) -> None:
    """The paper's section 3.3, species by species."""
    for species in {who[0] for who in split.individuals("test")}:
        tested = {who for who in split.individuals("test") if who[0] == species}
        unseen = {who for who in split.unseen("test") if who[0] == species}
        assert 2 * len(unseen) == len(tested)
    encounters, train = defaultdict(list), Counter()
    for row in split.parts["test"]:
        encounters[individual_of(row), row.orientation].append(encounter_of(row))
    for part in {"train", "validation"} & split.parts.keys():
        train.update((individual_of(row), row.orientation) for row in split.parts[part])
    assert all(count >= 3 for count in train.values())
    for own in encounters.values():
        assert 2 <= len(own) <= 10
        assert len(set(own)) == len(own)


def test_miewid_tests_half_known_and_half_unseen():
    split = make_split(herd(30, 12, photographs=2, sides=("left", "right")), "miewid")
    _check_miewid(split)
    assert len(split.individuals("test")) == 20  # two thirds of 30
    assert len(split.unseen("test")) == 10
    tested = Counter((row.identity, row.orientation) for row in split.parts["test"])
    assert {tested[who, "left"] for _, who in split.unseen("test")} == {10}
    assert split.left_out == {miewid_split.SAME_ENCOUNTER: 320, miewid_split.MANY_TEST: 80}


def test_miewid_trains_on_a_larger_share_of_more_data():
    few = make_split(herd(40, 6), "miewid")
    many = make_split(herd(400, 6), "miewid")
    assert len(few.individuals("test")) / 40 > 0.6
    assert len(many.individuals("test")) / 400 == 0.2


def test_miewid_takes_each_species_for_itself():
    split = make_split(together(herd(6, 8, species="x"), herd(60, 8, species="y")), "miewid")
    counts = Counter(species for species, _ in split.individuals("test"))
    assert counts == {"x": 4, "y": 40}
    alone = make_split(herd(60, 8, species="y"), "miewid")
    assert {row.path for row in alone.parts["test"]} == {
        row.path for row in split.parts["test"] if row.species == "y"
    }


def test_miewid_says_what_it_needs():
    with pytest.raises(SettingError, match="individuals with many encounters"):
        make_split(herd(20, 1, photographs=9), "miewid")


def test_by_individual_both_sides_of_an_animal_stay_together():
    split = make_split(herd(10, 3, sides=("left", "right")), "individual", validation=0.3)
    assert [len(split.individuals(part)) for part in split.parts] == [5, 2, 3]
    assert not split.individuals("train") & split.individuals("test")


def test_by_individual_every_species_gives_its_share():
    tables = [herd(3, 2, species=f"species {number}") for number in range(20)]
    split = make_split(together(*tables), "individual", test=1 / 3)
    assert set(Counter(species for species, _ in split.individuals("test")).values()) <= {1}
    assert len(split.individuals("test")) == 20


def test_closed_every_individual_tested_is_learnt_from():
    split = make_split(herd(10, 4), "encounter", validation=0.3)
    assert not split.unseen("test")
    assert not split.unseen("validation")
    assert {part: len(split.encounters(part)) for part in split.parts} == {
        "train": 20,
        "validation": 10,
        "test": 10,
    }


def test_open_a_share_of_individuals_is_tested_only():
    split = make_split(herd(10, 4), "encounter", unknown=0.2)
    assert len(split.unseen("test")) == 2
    assert len(split.individuals("test")) == 10


def test_a_side_that_was_not_learnt_is_neither_known_nor_unknown():
    seen = {"identity": "a", "species": "x"}
    table = annotations(
        [seen | {"path": f"{n}.jpg", "encounter": n, "orientation": ["left", "right"][n == 0]} for n in range(3)]
    )
    lefts_out = [
        make_split(table, "encounter", seed=seed).left_out for seed in range(30) if _tests_left(table, seed)
    ]
    assert lefts_out
    assert not any(lefts_out)
    with pytest.raises(SettingError, match="shows a side that is not learnt"):
        [make_split(table, "encounter", seed=seed) for seed in range(30)]


def _tests_left(table: Annotations, seed: int) -> bool:
    try:
        return next(iter(make_split(table, "encounter", seed=seed).parts["test"])).orientation == "left"
    except SettingError:
        return False


def days() -> Annotations:
    """The salamander paper's recordings: three times on each of two days."""
    return annotations(
        [
            {"path": f"{who}_{day}_{hour}_{n}.jpg", "identity": who, "date": datetime(2022, 8, day, hour, 0, n)}
            for who in "ab"
            for day in (20, 21)
            for hour in (11, 15, 18)
            for n in range(2)
        ]
    )


def test_by_date():
    split = make_split(days(), "date", train_days="2022-08-20")
    assert {row.date.day for row in split.parts["train"]} == {20}
    assert {row.date.day for row in split.parts["test"]} == {21}
    some = make_split(days(), "date", train_days="2022-08-21..", test_days="2022-08-19..2022-08-20")
    assert {row.date.day for row in some.parts["train"]} == {21}


def test_by_daytime():
    split = make_split(days(), "daytime", train_light="morning")
    assert {row.date.hour for row in split.parts["train"]} == {11}
    assert {row.date.hour for row in split.parts["test"]} == {15, 18}
    own = make_split(days(), "daytime", train_light="noon", test_light="dusk", hours="noon=10:30-12,dusk=18-2")
    assert {row.date.hour for row in own.parts["test"]} == {18}
    assert own.left_out == {"of neither side's days or light": 8}


def test_one_light_of_one_day_against_the_same_light_of_another():
    split = make_split(days(), "daytime", train_light="evening", test_light="evening", train_days="2022-08-20")
    assert {(row.date.day, row.date.hour) for row in split.parts["train"]} == {(20, 18)}
    assert {(row.date.day, row.date.hour) for row in split.parts["test"]} == {(21, 18)}


def test_rows_without_date_or_time_are_counted():
    undated = annotations(
        [
            {"path": "no.jpg", "identity": "a"},
            {"path": "day.jpg", "identity": "a", "date": "2022-08-20"},
            {"path": "nobody.jpg", "date": "2022-08-20"},
        ]
    )
    split = make_split(together(days(), undated), "daytime", train_light="morning")
    assert split.left_out == {"no date": 1, "no time of day": 1, "nobody known": 1}


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        ("random", {}, "there is no protocol 'random'; there are miewid, individual"),
        ("date", {}, "needs --train-days"),
        ("daytime", {}, "needs --train-light"),
        ("date", {"train_days": "20 August"}, "'20 August' is no day"),
        ("date", {"train_days": "2022-08-21..2022-08-20"}, "ends before it begins"),
        ("date", {"train_days": ","}, "no days are named"),
        ("date", {"train_days": "2021-01-01"}, "leaves nothing for train"),
        ("date", {"train_days": "2022-08-20", "test_days": "2022-08-20"}, "stands on both sides"),
        ("daytime", {"train_light": "night"}, "light 'night' has no hours"),
        ("daytime", {"train_light": "morning", "hours": "morning=5"}, "are no hours"),
        ("daytime", {"train_light": "morning", "hours": "morning=5-25"}, "are no hours"),
        ("individual", {"unknown": 0.3}, "--unknown means nothing to the protocol individual"),
        ("individual", {"test": 1.5}, "test: Input should be less than 1"),
        ("individual", {"validation_by": "herd"}, "validation_by"),
        ("individual", {"validation": 0.3}, "no validation can be taken off training by individual"),
    ],
)
def test_what_cannot_be_done_is_said(protocol, options, message):
    with pytest.raises(SettingError, match=message):
        make_split(days(), protocol, **options)


def test_validation_may_be_drawn_by_another_unit():
    with pytest.raises(SettingError, match="by encounter.*--validation-by"):
        make_split(days(), "date", train_days="2022-08-20", validation=0.3)
    split = make_split(days(), "date", train_days="2022-08-20", validation=0.3, validation_by="photograph")
    assert {name: len(part) for name, part in split.parts.items()} == {"train": 8, "validation": 4, "test": 12}


def test_another_seed_is_another_split_and_a_newcomer_moves_few():
    first, second = (make_split(herd(20, 2), "individual", seed=seed).individuals("test") for seed in (0, 1))
    assert first != second
    few, more = (make_split(herd(count, 6), "encounter").parts["test"] for count in (20, 21))
    assert set(paths(few)) <= set(paths(more))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3))), st.floats(0, 0.999), st.integers(0, 99))
def test_a_share_is_drawn_evenly_over_strata(names, share: float, seed: int):
    taken = drawn(names, share, seed, "test")
    known = set(names)
    assert taken <= known
    if share and len(known) > 1:
        assert 0 < len(taken) < len(known)
        step = len(known) / len(taken)
        for stratum in "abc":
            size = sum(name[0] == stratum for name in known)
            assert abs(sum(name[0] == stratum for name in taken) - size / step) < 1 + 1e-9
    else:
        assert not taken


def test_an_encounter_is_what_is_named_or_one_video_or_one_day_at_a_place():
    table = annotations(
        [
            {"path": "1.jpg", "identity": "a", "encounter": "e"},
            {"path": "2.jpg", "identity": "b", "encounter": "e"},
            {"path": "IMG_1.MOV 0001.jpg", "identity": "a"},
            {"path": "IMG_1.MOV 0002.jpg", "identity": "a", "date": "2022-08-20"},
            {"path": "3.jpg", "identity": "a", "date": "2022-08-20T11:00"},
            {"path": "4.jpg", "identity": "a", "date": "2022-08-20T18:00"},
            {"path": "5.jpg", "identity": "a", "date": "2022-08-20T18:00", "site": "bridge"},
            {"path": "6.jpg", "identity": "a"},
            {"path": "7.jpg", "identity": "a"},
        ]
    )
    names = [encounter_of(row) for row in table]
    assert [names.index(name) for name in names] == [0, 1, 2, 2, 4, 4, 6, 7, 8]


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ("a/clip_frame_0012.jpg", ("a/clip", 12)),
        ("a/clip.mp4-7.png", ("a/clip", 7)),
        ("river/0000110.jpg", None),
        ("IMG_1234.jpg", None),
        ("124_left.jpg", None),
    ],
)
def test_a_frame_is_known_by_a_name_that_says_so(path, frame):
    assert frame_of(path) == frame
