from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

import hanzaki
from hanzaki import Annotations, CatalogueError, DecisionError, FieldCatalogue, SettingError
from hanzaki.catalogue.tables import Individual
from hanzaki.evaluation.clusters import judge_clusters
from hanzaki.fieldwork.identity import sort as sorting
from hanzaki.fieldwork.identity.pile_sheet import draw_pile
from hanzaki.fieldwork.identity.sort import (
    Pile,
    hardly_compared,
    items_of,
    name_firm,
    pile_of,
    put_together,
    tempering_for,
    words_of,
)
from hanzaki.matching.odds import PairOdds
from hanzaki.matching.partition_sampling import Sampling
from hanzaki.matching.starting_pairs import starting_tempering
from tests.fixtures.photographs import write

FEW = Sampling(samples=20, burn_in=5)


@pytest.fixture(scope="module")
def truth(stream: Path) -> pd.DataFrame:
    return pd.read_csv(stream / "annotations.csv", dtype=str)


def river_of(stream: Path, truth: pd.DataFrame, folder: Path) -> FieldCatalogue:
    """The stream's two surveys, without a name."""
    catalogue = hanzaki.init(folder / "river")
    first = truth["date"].str[:10] == truth["date"].str[:10].min()
    for survey, rows in (("first", first), ("second", ~first)):
        table = Annotations(truth[rows].drop(columns="identity"), stream / "annotations.csv")
        catalogue.add(table=table, survey=survey)
    return catalogue


def identities(catalogue: FieldCatalogue, truth: pd.DataFrame) -> dict[int, str]:
    """Who each encounter truly is."""
    name = truth.drop_duplicates("encounter").set_index("encounter")["identity"]
    listed = catalogue.encounters()
    return {int(number): name[label] for number, label in zip(listed["encounter"], listed["label"], strict=True)}


@pytest.fixture(scope="module")
def sorted_river(stream, truth, tmp_path_factory) -> tuple[Path, Pile]:
    """The stream without a name, and the pile that it is."""
    with river_of(stream, truth, tmp_path_factory.mktemp("unnamed")) as catalogue:
        pile = catalogue.sort()
        assert catalogue.decisions().empty
        return catalogue.folder, pile


@pytest.fixture
def pile(sorted_river) -> Pile:
    """The pile that the stream is."""
    return sorted_river[1]


@pytest.fixture
def unnamed(sorted_river, tmp_path) -> FieldCatalogue:
    """The stream without a name, to be written to."""
    shutil.copytree(sorted_river[0], tmp_path / "copy")
    with hanzaki.open(tmp_path / "copy") as catalogue:
        yield catalogue


def labels_of(pile: Pile) -> dict[int, int]:
    return {member.encounter: each.number for each in pile.individuals for member in each.members}


def test_a_first_season_becomes_its_animals(unnamed, pile, truth):
    who, found = identities(unnamed, truth), labels_of(pile)
    assert found.keys() == who.keys()
    quality = judge_clusters([who[number] for number in found], list(found.values())).measures
    assert quality["bcubed_f1"].value > 0.9
    mean, low, high = pile.new
    assert low <= mean <= high
    assert abs(mean - len(set(who.values()))) < 2
    assert (pile.named, pile.apart) == (0, ())
    assert all(each.known_as is None for each in pile.individuals)
    assert "other studies" in pile.tempered


def test_firm_individuals_get_names_in_one_decision_that_is_taken_back_as_one(unnamed, pile):
    sure = sorted(each.firm for each in pile.individuals)[1]
    found = name_firm(unnamed, pile, sure)
    assert [each.named is not None for each in found.individuals] == [
        each.firm >= sure for each in pile.individuals
    ]
    named = [each.named for each in found.individuals if each.named]
    assert len(set(named)) == len(named) < len(pile.individuals)
    listed = unnamed.encounters().set_index("encounter")["individual"]
    for each in found.individuals:
        assert {listed[member.encounter] for member in each.members} == {each.named}
    assert unnamed.decisions()["origin"].tolist() == ["machine"]
    unnamed.undo()
    assert unnamed.encounters()["individual"].isna().all()
    assert unnamed.individuals().empty


def test_a_classifiers_word_for_a_species_is_written_onto_nobody(unnamed, pile):
    told = set(unnamed.encounters()["species"])
    called = replace(pile, individuals=tuple(replace(each, species="Canis") for each in pile.individuals))
    name_firm(unnamed, called, 1e-9)
    assert set(unnamed.individuals()["species"]) == told
    assert "Canis" not in set(unnamed.individuals()["species"])
    with unnamed.reading() as session:
        kept = set(session.scalars(select(Individual.species)))
    assert kept == told


def test_who_could_not_be_compared_with_most_is_not_named(catalogue, model_folder, tmp_path):
    rows = ["path,encounter,orientation"]
    for number in range(6):
        write(tmp_path / f"{number}.jpg", number)
        rows.append(f"{number}.jpg,{number},{'left' if number else 'right'}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    catalogue.add(table=tmp_path / "t.csv")
    pile = catalogue.sort(model=model_folder, apply=True, sure=1e-9)
    alone = next(each for each in pile.individuals if each.members[0].encounter == 1)
    assert (alone.named, len(alone.members)) == (None, 1)
    assert "only 0 of 5 other encounters of the pile" in str(alone.doubt)
    assert all(each.named and not each.doubt for each in pile.individuals if each is not alone)


def test_a_probability_that_is_none_is_refused_before_the_work(unnamed, monkeypatch):
    def work(*_: object, **__: object) -> None:
        raise AssertionError("it began to work")

    monkeypatch.setattr("hanzaki.fieldwork.identity.telling_apart.sort", work)
    for apply in (False, True):
        with pytest.raises(SettingError, match="sure 95: .*a probability"):
            unnamed.sort(apply=apply, sure=95)


def test_where_nobody_is_firm_enough_nothing_is_decided(unnamed, pile):
    doubtful = replace(pile, individuals=tuple(replace(each, firm=0.9) for each in pile.individuals))
    assert name_firm(unnamed, doubtful) == doubtful
    assert unnamed.decisions().empty


def test_named_animals_take_part_and_are_never_named_anew(unnamed, truth):
    who = identities(unnamed, truth)
    listed = unnamed.encounters()
    for number in listed.loc[listed["survey"] == "first", "encounter"].tolist()[:3]:
        unnamed.confirm(number, "new", name=who[number])
    before = unnamed.encounters().set_index("encounter")["individual"].dropna()
    pile = unnamed.sort(apply=True, sure=0.01)
    after = unnamed.encounters().set_index("encounter")["individual"]
    known = [each for each in pile.individuals if each.known_as]
    assert pile.named == 3
    assert len({each.known_as for each in known}) == len(known) > 0
    for each in known:
        assert each.named is None
        assert {who[member.encounter] for member in each.members} == {each.known_as}
    assert after[before.index].equals(before)
    assert after[[member.encounter for each in known for member in each.members]].isna().all()


def test_what_was_told_that_no_one_animal_can_be_stands_against_a_name(unnamed, pile):
    several = next(each for each in pile.individuals if len(each.members) > 1)
    one, other = (member.encounter for member in several.members[:2])
    told = unnamed.encounters().set_index("encounter")["sex"]
    unnamed.tell(one, sex="female" if told[other] == "male" else "male")
    found = name_firm(unnamed, pile, 1e-9).individuals[several.number - 1]
    assert found.named is None
    assert "sex is told as female and male" in str(found.doubt)


def test_a_name_that_was_given_meanwhile_stands(unnamed, pile):
    several = next(each for each in pile.individuals if len(each.members) > 1)
    unnamed.confirm(several.members[0].encounter, "new", name="Sakura")
    found = name_firm(unnamed, pile, 1e-9).individuals[several.number - 1]
    assert found.named is None
    assert "was given a name meanwhile" in str(found.doubt)
    listed = unnamed.encounters().set_index("encounter")["individual"]
    assert listed[several.members[0].encounter] == "Sakura"
    assert listed[several.members[1].encounter] is None


def test_a_survey_is_sorted_by_itself(unnamed):
    listed = unnamed.encounters()
    pile = unnamed.sort(survey="second")
    assert labels_of(pile).keys() == set(listed.loc[listed["survey"] == "second", "encounter"])
    with pytest.raises(CatalogueError, match="without a name at Nowhere"):
        unnamed.sort(site="Nowhere")


def test_only_unnamed_encounters_are_sorted(unnamed, pile):
    unnamed.confirm(2, "new", name="Sakura")
    with pytest.raises(DecisionError, match="encounter 2 is Sakura; .*without a name"):
        unnamed.sort([1, 2])
    with pytest.raises(CatalogueError, match="no encounter 999"):
        unnamed.sort(999)
    with pytest.raises(SettingError, match="probability"):
        name_firm(unnamed, pile, 2)


def test_the_contact_sheet_has_a_row_for_each_individual(unnamed, pile, tmp_path):
    draw_pile(unnamed, pile, tmp_path / "pile.png")
    sheet = np.asarray(Image.open(tmp_path / "pile.png").convert("RGB")).astype(int)
    paper = sheet[-1, -1]
    used = (np.abs(sheet - paper).sum(axis=2) > 30).any(axis=1)
    tall = np.diff(np.flatnonzero(np.diff(np.concatenate([[False], used, [False]]))))[::2]
    assert (tall >= 100).sum() == len(pile.individuals)
    with pytest.raises(SettingError, match="cannot be written"):
        draw_pile(unnamed, pile, tmp_path / "pile.txt")


def test_a_pile_of_one_is_one_animal(catalogue, model_folder, tmp_path):
    catalogue.add(write(tmp_path / "a.jpg", 1))
    pile = catalogue.sort(model=model_folder)
    assert labels_of(pile) == {1: 1}
    assert pile.new == (1, 1, 1)
    assert pile.individuals[0].firm == 1


# the parts, on tables and odds made up


def annotations(rows: list[tuple[int, int | None, str | None]], species: str | None = "A j") -> pd.DataFrame:
    """A table of annotations, one an encounter: encounter, individual and day."""
    return pd.DataFrame(
        [
            {
                "annotation": 10 * encounter,
                "encounter": encounter,
                "individual_id": individual,
                "individual": None if individual is None else f"animal {individual}",
                "species": species,
                "seen": None if day is None else pd.Timestamp(day),
                "aside": False,
            }
            for encounter, individual, day in rows
        ]
    ).astype({"individual_id": object})


def test_the_latest_encounters_of_each_individual_take_part_a_persons_word_first():
    rows = [(1, None, None), *((number, 7, f"2020-01-{number:02}") for number in range(2, 9))]
    assert items_of(annotations(rows), [1], set())["encounter"].tolist() == [1, 8, 7, 6, 5]
    items = items_of(annotations(rows), [1], {5, 6, 7, 8})
    assert items["encounter"].tolist() == [1, 4, 3, 2, 8]
    assert items["machine"].tolist() == [False, False, False, False, True]


def test_animals_of_other_species_take_no_part():
    zebra = annotations([(2, 7, None)], "Equus quagga")
    unknown = annotations([(3, 8, None)], None)
    table = pd.concat([annotations([(1, None, None)]), zebra, unknown])
    assert items_of(table, [1], set())["encounter"].tolist() == [1, 3]
    assert items_of(table.assign(species=table["species"].where(table["encounter"] != 1)), [1], set())[
        "encounter"
    ].tolist() == [1, 2, 3]


def flanks(letters: str) -> np.ndarray:
    """Of encounters ``l`` left, ``r`` right, or ``b`` both."""
    return np.array([[letter in "lb", letter in "rb"] for letter in letters])


def test_who_is_hardly_compared_is_known_by_flanks_and_species():
    pile = items_of(annotations([(number, None, None) for number in range(1, 6)]), range(1, 6), set())
    assert hardly_compared(pile, flanks("lllll")) == {}
    assert set(hardly_compared(pile, flanks("llllr"))) == {4}
    assert hardly_compared(pile, flanks("llrrb")) == {}  # half of the others
    assert hardly_compared(pile.iloc[:1], flanks("l")) == {}
    pile["species"] = ["A j", "A j", "A j", "E q", None]
    assert hardly_compared(pile, flanks("lllrb")) == {}  # the only zebra is no stranger to salamanders
    assert set(hardly_compared(pile, flanks("lllrl"))) == {3}


def test_named_animals_must_be_comparable_too():
    rows = [(1, None, None), (2, None, None), (3, 7, None), (4, 7, None), (5, 8, None), (6, 9, None)]
    items = items_of(annotations(rows), [1, 2], set())
    (why,) = set(hardly_compared(items, flanks("llrrrr")).values())
    assert why.endswith("only 0 of 3 named individuals")
    assert hardly_compared(items, flanks("llrllr")) == {}  # two of three, one of them by another encounter


def test_a_good_picture_stands_for_an_encounter():
    table = pd.concat([annotations([(1, None, None)]), annotations([(1, None, None)])])
    table["annotation"], table["aside"] = [4, 5], [True, False]
    assert items_of(table, [1], set())["picture"].tolist() == [5]


@st.composite
def piles(draw: st.DrawFn) -> tuple[pd.DataFrame, PairOdds]:
    """Up to nine encounters, some of them named by people or the machine, and odds of their pairs."""
    names = draw(st.lists(st.sampled_from([None, None, 1, 2, 3]), min_size=1, max_size=9))
    machine = {place for place, name in enumerate(names) if name and draw(st.booleans())}
    rows = [(place, name, None) for place, name in enumerate(names)]
    items = items_of(annotations(rows), [place for place, name in enumerate(names) if name is None], machine)
    pairs = [pair for pair in zip(*np.triu_indices(len(items), 1), strict=True) if draw(st.booleans())]
    values = [draw(st.floats(-6, 6)) for _ in pairs]
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    return items, PairOdds.listed(len(items), first, second, values, draw(st.sampled_from([0.0, -1.0])))


@settings(deadline=None, max_examples=60)
@given(piles())
def test_what_people_said_holds_whatever_the_pictures_say(pile):
    items, odds = pile
    labels, drawn, named = put_together(odds, items, FEW)
    told = items[items["individual_id"].notna() & ~items["machine"].astype(bool)]
    for _, own in told.groupby("individual_id"):
        assert len(set(labels[own.index])) == 1
    anchors = words_of(items)[1]
    assert len(set(labels[list(anchors)])) == len(anchors) == named == items["individual_id"].nunique()
    assert ((drawn.together >= 0) & (drawn.together <= 1)).all()
    assert len(drawn.standing) == len(set(labels))


@pytest.mark.parametrize(("against", "moved"), [(-1.0, False), (-5.0, True)])
def test_the_machines_own_word_is_kept_until_pictures_outweigh_it(against, moved):
    items = items_of(annotations([(1, None, None), (2, 7, None), (3, 7, None)]), [1], {3})
    odds = PairOdds.listed(3, [1], [2], [against])
    labels, _, _ = put_together(odds, items, FEW)
    assert bool(labels[1] != labels[2]) is moved


def test_a_catalogue_that_knows_enough_animals_teaches_its_own_tempering(monkeypatch):
    rows = [(2 * animal + part, animal, None) for animal in range(6) for part in (0, 1)]
    items = items_of(annotations([*rows, (99, None, None)]), [99], set())
    same = items["individual_id"].to_numpy()
    first, second = np.triu_indices(len(items), 1)
    alike = np.where(same[first] == same[second], 4.0, -4.0)
    odds = PairOdds.listed(len(items), first, second, alike)
    assert tempering_for(odds, items)[0] == starting_tempering()
    monkeypatch.setattr(sorting, "ENOUGH", 6)
    own, words = tempering_for(odds, items)
    assert (own.individuals, words) == (6, "6 individuals of this catalogue, 6 of them met again")
    assert tempering_for(odds, items.assign(machine=True))[0] == starting_tempering()


def test_the_pile_is_what_has_no_name():
    table = pd.DataFrame(
        {
            "encounter": [1, 2, 3],
            "individual": pd.Series([None, "A", None], dtype=object),
            "survey": ["s", "s", "t"],
            "site": ["x", "x", None],
        }
    )
    assert pile_of(table, []) == [1, 3]
    assert pile_of(table, [3]) == [3]
    assert pile_of(table, [], survey="s") == [1]
    assert pile_of(table, [], site="x") == [1]
    with pytest.raises(CatalogueError, match="without a name in t at x"):
        pile_of(table, [], survey="t", site="x")
