from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hanzaki import BadMedium, CatalogueError, FieldCatalogue
from hanzaki.catalogue import calibrations
from hanzaki.catalogue.tables import Individual, Site
from hanzaki.fieldwork.identity.matcher import Compared, Matcher, by_name
from hanzaki.fieldwork.identity.method import Method, asked_facts
from hanzaki.fieldwork.queries import Query, encounter_queries
from hanzaki.matching.choice import PRIOR_NEW, Fusion
from hanzaki.matching.scope import Scope
from hanzaki.matching.starting import starting_fusion
from tests.fixtures.rivers import Blank, Cells, Colours, encounter_called, river_of, rows_of

COLOURS = Method((Colours(),))
BOTH = Method((Colours(), Cells()))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photographs")


@pytest.fixture(scope="module")
def rows(photographs: Path) -> list[dict[str, str]]:
    return rows_of(photographs)


@pytest.fixture(scope="module")
def river(photographs: Path, rows, tmp_path_factory: pytest.TempPathFactory) -> FieldCatalogue:
    """Six animals, each met three times, two photographs each time."""
    method = Method((Colours(), Cells(), Blank(), Colours("other")))
    with river_of(tmp_path_factory.mktemp("rivers") / "whole", photographs, rows, method) as catalogue:
        yield catalogue


def query(matcher: Matcher, label: str) -> Query:
    return encounter_queries(matcher.everything, [encounter_called(matcher.catalogue, label)])[0]


def named(matcher: Matcher, compared: Compared) -> dict[str, float]:
    """Probabilities by name, None being somebody new."""
    names = dict(zip(matcher.everything["individual_id"], matcher.everything["individual"], strict=True))
    posterior = matcher.posterior(compared)
    known = {
        names[number]: share for number, share in zip(compared.individuals, posterior.known.tolist(), strict=True)
    }
    return known | {"new": posterior.new}


def number_of(matcher: Matcher, name: str) -> int:
    table = matcher.everything
    return int(table.loc[table["individual"] == name, "individual_id"].iloc[0])


def same(one: Mapping[str, float], other: Mapping[str, float]) -> None:
    assert one.keys() == other.keys()
    np.testing.assert_allclose(list(one.values()), [other[name] for name in one], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", [COLOURS, BOTH, Method((Cells(),))], ids=["colours", "both", "cells"])
def test_each_animal_is_the_likeliest_and_one_who_is_left_out_is_new(river, method):
    matcher = Matcher(river, method)
    for animal in range(6):
        found = named(matcher, matcher.compare(query(matcher, f"{animal}-1")))
        assert max(found, key=found.__getitem__) == f"animal {animal}"
        assert sum(found.values()) == pytest.approx(1)
    left_out = matcher.compare(query(matcher, "2-1"), [number_of(matcher, "animal 2")])
    assert named(matcher, left_out)["new"] > named(matcher, matcher.compare(query(matcher, "2-1")))["new"]
    assert "animal 2" not in named(matcher, left_out)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_photographs_and_encounters_does_not_matter(river, photographs, rows, tmp_path, seed):
    mixed = random.Random(seed).sample(rows, len(rows))
    with river_of(tmp_path / f"mixed{seed}", photographs, mixed, BOTH) as other:
        straight, turned = Matcher(river, BOTH), Matcher(other, BOTH)
        for label in ("0-0", "3-2"):
            one, two = (each.compare(query(each, label)) for each in (straight, turned))
            same(named(straight, one), named(turned, two))


def test_leaving_an_individual_out_is_like_a_catalogue_without_it(river, photographs, rows, tmp_path):
    without = [row for row in rows if row["identity"] != "animal 4"]
    with river_of(tmp_path / "without", photographs, without, BOTH) as other:
        whole, less = Matcher(river, BOTH), Matcher(other, BOTH)
        left_out = whole.compare(query(whole, "1-0"), [number_of(whole, "animal 4")])
        same(named(whole, left_out), named(less, less.compare(query(less, "1-0"))))


def test_a_second_describer_that_finds_nothing_changes_nothing(river):
    alone, beside = Matcher(river, COLOURS), Matcher(river, Method((Colours(), Blank())))
    one, two = alone.compare(query(alone, "5-1")), beside.compare(query(beside, "5-1"))
    same(named(alone, one), named(beside, two))
    assert np.isnan(two.scores["blank"]).all()
    assert one.best == two.best


def test_several_of_one_kind_share_its_weight_until_they_are_calibrated(river):
    matcher = Matcher(river, Method((Colours(), Colours("other"), Cells())))
    usual = starting_fusion().evidence
    weights = {name: each.weight for name, each in matcher.fusion.evidence.items()}
    half = usual["embedding"].weight / 2
    assert weights == {"colours": half, "other": half, "cells": usual["keypoints"].weight}


def test_what_the_fusion_knows_by_name_goes_before_its_kind():
    usual = starting_fusion()
    own = Fusion({**usual.evidence, "mine": usual.evidence["keypoints"]}, usual.bias)
    assert by_name(own, {"mine": "embedding"}).evidence["mine"] == usual.evidence["keypoints"]


@pytest.fixture
def calibrated(river: FieldCatalogue):
    """The river with calibrations of its colours and of another model."""
    usual = by_name(starting_fusion(), {"colours": "embedding"})
    own = Fusion(usual.evidence, 0.7, {"decisions": 214, "individuals": 80})
    with river.writing() as session:
        calibrations.keep(session, ["colours"], own.as_json(), 0.2, who="tester", report={})
        calibrations.keep(session, ["colours-2"], Fusion({}, 9.0).as_json(), 0.9, who="tester", report={})
    yield river
    with river.writing() as session:
        assert calibrations.forget(session, ["colours"]) == 1


def test_a_calibration_counts_for_exactly_its_models(calibrated):
    own = Matcher(calibrated, COLOURS)
    assert (own.fusion.bias, own.prior_new) == (0.7, 0.2)
    assert own.calibrated.startswith("this catalogue: 214 decisions on 80 individuals, 20")
    more = Matcher(calibrated, BOTH)
    assert (more.fusion.bias, more.prior_new) == (starting_fusion().bias, PRIOR_NEW)
    assert "run `hanzaki calibrate`" in more.calibrated


def test_a_prior_that_the_user_says_goes_before_the_calibrations(calibrated):
    assert Matcher(calibrated, Method((Colours(),), prior_new=0.01)).prior_new == 0.01


def test_a_beginning_that_was_found_to_hold_says_so(river):
    with river.writing() as session:
        usual = by_name(starting_fusion(), {"cells": "keypoints"})
        calibrations.keep(session, ["cells"], usual.as_json(), 0.5, who="tester", report={})
    assert "found to hold on this catalogue, 20" in Matcher(river, Method((Cells(),))).calibrated


def test_a_query_never_meets_its_own_encounter(river):
    matcher = Matcher(river, BOTH)
    asked = query(matcher, "0-0")
    compared = matcher.compare(asked)
    assert compared.photographs == 34
    assert not {pair.gallery for pair in compared.best} & set(asked.annotations)
    assert {pair.asked for pair in compared.best} <= set(asked.annotations)


def test_the_best_pair_of_the_right_animal_shows_it_twice(river):
    matcher = Matcher(river, BOTH)
    compared = matcher.compare(query(matcher, "3-0"))
    pair = compared.best[compared.individuals.index(number_of(matcher, "animal 3"))]
    assert matcher.table.loc[[pair.asked, pair.gallery], "individual"].tolist() == ["animal 3"] * 2


def test_the_retired_never_appear(river):
    number = number_of(Matcher(river, COLOURS), "animal 5")
    with river.writing() as session:
        session.get_one(Individual, number).retired = True
    try:
        matcher = Matcher(river, COLOURS)
        assert number not in matcher.compare(query(matcher, "0-0")).individuals
        assert matcher.everything.loc[list(query(matcher, "5-0").annotations), "individual"].isna().all()
    finally:
        with river.writing() as session:
            session.get_one(Individual, number).retired = False


def test_in_an_empty_scope_everybody_is_new(river):
    matcher = Matcher(river, BOTH, Scope(sites=("Nowhere",)))
    compared = matcher.compare(query(matcher, "0-0"))
    assert (compared.individuals, compared.best, compared.photographs) == ((), (), 0)
    assert named(matcher, compared) == {"new": 1.0}


def test_an_encounter_that_nothing_described_cannot_be_compared(river):
    matcher = Matcher(river, Method((Colours("never asked"),)))
    with pytest.raises(BadMedium, match="none of its photographs could be described"):
        matcher.compare(query(matcher, "0-0"))


def test_keypoints_take_a_closer_look_at_the_best_of_an_embedding_only(river):
    few = Matcher(river, Method((Cells(), Colours()), verify=5))
    scores = few.compare(query(few, "1-1")).scores
    assert not np.isnan(scores["colours"]).any()
    looked = few._gallery.compare(few._show(query(few, "1-1")).asked, Scope("Andrias japonicus")).scores["cells"]
    assert np.count_nonzero(~np.isnan(looked).all(axis=0)) == 5
    alone = Matcher(river, Method((Cells(),), verify=5))
    assert not np.isnan(alone.compare(query(alone, "1-1")).scores["cells"]).any()


def test_a_closer_look_at_everything_is_like_none(river):
    whole, all_of_it = (Matcher(river, Method((Cells(), Colours()), verify=most)) for most in (1000, 34))
    one, two = (each.compare(query(each, "1-1")) for each in (whole, all_of_it))
    same(named(whole, one), named(all_of_it, two))


def alike(matcher: Matcher, one: Collection[str], other: Collection[str]) -> list[float]:
    """The log odds of encounters by their labels, both directions of all that are asked."""
    labels = [*one, *other]
    numbers = [encounter_called(matcher.catalogue, label) for label in labels]
    matrix = matcher.pair_odds(numbers).matrix()
    return [matrix[labels.index(first), labels.index(second)] for first in one for second in other]


def test_encounters_of_one_animal_are_likelier_one_than_two(river):
    matcher = Matcher(river, BOTH)
    encounters = river.encounters()
    odds = matcher.pair_odds(encounters["encounter"].tolist()).matrix()
    names = encounters["individual"].to_numpy()
    is_one = (names[:, None] == names[None]) & ~np.eye(len(names), dtype=bool)
    is_two = names[:, None] != names[None]
    assert odds[is_one].mean() > 0 > odds[is_two].mean()
    assert np.mean(odds[is_one][:, None] > odds[is_two][None]) > 0.95


@settings(max_examples=5, deadline=None)
@given(st.randoms())
def test_pair_odds_follow_the_order_of_the_encounters(river, dice):
    encounters = river.encounters()["encounter"].tolist()[:9]
    mixed = dice.sample(encounters, len(encounters))
    matcher = Matcher(river, COLOURS)
    straight = matcher.pair_odds(encounters, neighbours=3).matrix()
    turned = matcher.pair_odds(mixed, neighbours=3).matrix()
    places = [mixed.index(encounter) for encounter in encounters]
    np.testing.assert_allclose(turned[np.ix_(places, places)], straight, rtol=1e-4)


def test_pair_odds_know_no_names(river, photographs, rows, tmp_path):
    nameless = [{key: value for key, value in row.items() if key != "identity"} for row in rows]
    with river_of(tmp_path / "nameless", photographs, nameless, COLOURS) as other:
        numbers = [encounter_called(river, row["encounter"]) for row in rows[::2]]
        theirs = [encounter_called(other, row["encounter"]) for row in rows[::2]]
        one, two = Matcher(river, COLOURS).pair_odds(numbers), Matcher(other, COLOURS).pair_odds(theirs)
        np.testing.assert_allclose(one.matrix(), two.matrix(), rtol=1e-4)


def test_pair_odds_of_what_is_not_there(river):
    matcher = Matcher(river, COLOURS)
    with pytest.raises(CatalogueError, match="there is no encounter 99"):
        matcher.pair_odds([1, 99])
    with pytest.raises(CatalogueError, match="named twice"):
        matcher.pair_odds([1, 2, 1])
    assert matcher.pair_odds([]).items == 0


@pytest.fixture(scope="module")
def recorded(photographs, rows, tmp_path_factory):
    """The river, with sexes of most encounters and places of all."""
    told = []
    for row in rows:
        animal, meeting = (int(part) for part in row["encounter"].split("-"))
        sex = {} if meeting == 2 else {"sex": "female" if animal % 2 else "male"}
        told.append(row | sex | {"site": f"pool {animal}"})
    folder = tmp_path_factory.mktemp("recorded") / "told"
    with river_of(folder, photographs, told, COLOURS) as catalogue:
        with catalogue.writing() as session:
            for number, site in enumerate(session.scalars(select(Site).order_by(Site.name))):
                site.latitude, site.longitude = 35 + number / 10, 135.5
        yield catalogue


def test_sex_counts_where_it_is_asked_and_known(recorded):
    asked = Matcher(recorded, Method((Colours(),), facts=asked_facts(sex=True)))
    compared = asked.compare(query(asked, "0-0"))
    by_number = dict(zip(compared.individuals, compared.records, strict=True))
    wrong = 0.05
    alike = (1 - wrong) ** 2 + wrong**2
    for animal in range(6):
        expected = np.log(2 * (1 - alike if animal % 2 else alike))
        assert by_number[number_of(asked, f"animal {animal}")] == pytest.approx(expected)
    silent = asked.compare(query(asked, "0-2"))  # nobody told the sex at this meeting
    assert not silent.records.any()
    unasked = Matcher(recorded, COLOURS)
    assert not unasked.compare(query(unasked, "0-0")).records.any()


def test_records_move_probabilities_by_bayes_rule(recorded):
    plain, told = Matcher(recorded, COLOURS), Matcher(recorded, Method((Colours(),), facts=asked_facts(sex=True)))
    one, two = (matcher.compare(query(matcher, "2-1")) for matcher in (plain, told))
    before, after = plain.posterior(one), told.posterior(two)
    np.testing.assert_allclose(
        np.log(after.known / after.new) - np.log(before.known / before.new), two.records, rtol=1e-6
    )
    assert set(told.ratios(two)) == {"colours", "records"}
    assert set(plain.ratios(one)) == {"colours"}


def test_a_query_does_not_testify_for_itself(recorded, photographs, rows, tmp_path):
    """Animal 3's sex was told at one meeting only: asked about that one, nothing speaks for animal 3 by sex."""
    once = [row | ({"sex": "female"} if row["encounter"] in ("3-0", "4-1") else {}) for row in rows]
    with river_of(tmp_path / "once", photographs, once, COLOURS) as catalogue:
        matcher = Matcher(catalogue, Method((Colours(),), facts=asked_facts(sex=True)))
        compared = matcher.compare(query(matcher, "3-0"))
        records = dict(zip(compared.individuals, compared.records, strict=True))
        assert records[number_of(matcher, "animal 3")] == 0
        assert records[number_of(matcher, "animal 4")] > 0


def test_near_animals_gain_by_their_place_and_the_short_lived_lose_by_their_age(recorded):
    near = Matcher(recorded, Method((Colours(),), facts=asked_facts(near=5)))
    compared = near.compare(query(near, "2-0"))
    records = [compared.records[compared.individuals.index(number_of(near, f"animal {n}"))] for n in range(6)]
    assert records[2] == max(records) > 0 > records[5]
    brief = Matcher(recorded, Method((Colours(),), facts=asked_facts(years=1.5)))
    old = brief.compare(query(brief, "2-0"))  # of others the third meeting is two years off, of its own as well
    assert (old.records < 0).all()
    assert not brief.compare(query(brief, "2-1")).records.any()


@pytest.fixture
def setting_aside(river):
    """Sets the pictures of encounters aside and no others, until the test is over."""
    before = Matcher(river, COLOURS).everything["aside"].astype(bool)
    river.set_aside(before.index.tolist(), aside=False)  # they are so small that all were set aside

    def apart(*labels: str) -> None:
        for label in labels:
            river.set_aside(river.pictures(encounter_called(river, label))["picture"].tolist())

    yield apart
    river.set_aside(before.index[~before].tolist(), aside=False)
    river.set_aside(before.index[before].tolist())


def test_an_encounters_own_pictures_are_no_better_ones(river, setting_aside):
    """Animal 0's other pictures were set aside; asked about its good encounter, they are all there is of it."""
    setting_aside("0-1", "0-2")
    matcher = Matcher(river, BOTH)
    compared = matcher.compare(query(matcher, "0-0"))
    assert number_of(matcher, "animal 0") in compared.individuals
    assert compared.photographs == 34
    assert max(named(matcher, compared), key=named(matcher, compared).__getitem__) == "animal 0"
    other = matcher.compare(query(matcher, "1-0"))  # meets the good ones, and none that was set aside
    assert other.photographs == 34 - 4


def test_what_a_scope_leaves_out_is_nothing_better(river, setting_aside):
    setting_aside("0-1", "0-2")
    matcher = Matcher(river, COLOURS, Scope(since=date(2021, 1, 1)))  # the good ones are of 2020
    assert number_of(matcher, "animal 0") in matcher.compare(query(matcher, "0-1")).individuals
    assert matcher.compare(query(matcher, "1-1")).photographs == 24 - 2  # all but its own


def test_what_is_set_aside_takes_no_place_on_a_shortlist(river, setting_aside):
    setting_aside("0-1", "0-2")
    few = Matcher(river, Method((Cells(), Colours()), verify=3))
    pairs = few._gallery.compare(few._show(query(few, "1-1")).asked, Scope("Andrias japonicus"))
    rows = few._gallery.table.iloc[pairs.rows]
    assert np.isnan(pairs.scores["colours"][:, rows["aside"].to_numpy(bool)]).all()
    assert np.count_nonzero(~np.isnan(pairs.scores["cells"]).all(axis=0)) == 3
