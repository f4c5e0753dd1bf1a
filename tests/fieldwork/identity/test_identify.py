from __future__ import annotations

from datetime import date
from math import exp
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hanzaki
from hanzaki import Annotations, CatalogueError, FieldCatalogue, SettingError
from hanzaki.catalogue.tables import Medium
from hanzaki.fieldwork.identity.identify import Seen
from tests.fixtures.photographs import write


@pytest.fixture(scope="module")
def truth(stream: Path) -> pd.DataFrame:
    return pd.read_csv(stream / "annotations.csv", dtype=str)


@pytest.fixture(scope="module")
def river(stream: Path, truth: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> FieldCatalogue:
    """The stream's first survey with names; its second without."""
    first = truth["date"].str[:10] == truth["date"].str[:10].min()
    with hanzaki.init(tmp_path_factory.mktemp("identify") / "river") as catalogue:
        source = stream / "annotations.csv"
        catalogue.add(table=Annotations(truth[first], source), survey="first")
        catalogue.add(table=Annotations(truth[~first].drop(columns="identity"), source), survey="second")
        yield catalogue


@pytest.fixture
def flanks(catalogue: FieldCatalogue, tmp_path: Path) -> FieldCatalogue:
    """Two named animals with both flanks at two sites, and one photograph of another species."""
    rows = ["path,identity,species,orientation,encounter,site,date"]
    for number, (name, side, site) in enumerate(
        [("A", "left", "Kamo"), ("A", "right", "Kamo"), ("B", "left", "Katsura"), ("B", "right", "Katsura")]
    ):
        write(tmp_path / f"{number}.jpg", number)
        rows.append(
            f"{number}.jpg,{name},Andrias japonicus,{side},{name},{site},2022-08-2{0 if name == 'A' else 2}"
        )
    write(tmp_path / "zebra.jpg", 9)
    rows.append("zebra.jpg,Z,Equus quagga,left,z,,2022-08-20")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    catalogue.add(table=tmp_path / "t.csv")
    return catalogue


def names(report) -> list[list[str]]:
    return [[answer.individual for answer in found.candidates] for found in report.identifications]


def test_animals_of_the_second_survey_are_recognised_by_the_first(river, truth):
    encounters = river.encounters()
    asked = encounters[encounters["survey"] == "second"]
    identity = truth.drop_duplicates("encounter").set_index("encounter")["identity"]
    known = set(river.individuals()["individual"])
    report = river.identify(asked["encounter"].tolist())
    results = [
        found.candidates[0].individual == identity[label]
        for found, label in zip(report.identifications, asked["label"], strict=True)
        if identity[label] in known
    ]
    assert len(results) == 5
    assert sum(results) >= 4
    assert report.skipped == []


def test_a_photograph_of_the_catalogue_is_found_by_its_content_and_never_finds_itself(river, stream, tmp_path):
    copy = tmp_path / "renamed.jpg"
    copy.write_bytes((stream / "photographs" / "IMG_0001.jpg").read_bytes())
    (found,) = river.identify(copy).identifications
    assert found.encounter == 1
    assert found.known_as is not None
    assert all(answer.encounter != 1 for answer in found.candidates)
    assert found.photographs == 8  # five animals with two photographs each, without its own encounter's


def test_a_file_that_the_catalogue_does_not_hold_is_looked_at_and_not_added(river, tmp_path):
    before = len(river.encounters())
    (found,) = river.identify(write(tmp_path / "new.jpg", 5, size=(320, 240))).identifications
    assert (found.encounter, found.known_as) == (None, None)
    assert len(found.candidates) == 5
    assert len(river.encounters()) == before


@pytest.mark.parametrize("top", [1, 3, 50])
def test_top_limits_the_candidates(river, model_folder, top):
    (found,) = river.identify(1, model=model_folder, top=top).identifications
    assert len(found.candidates) == min(top, 4)  # its own individual was met in this encounter only
    assert [answer.probability for answer in found.candidates] == sorted(
        (answer.probability for answer in found.candidates), reverse=True
    )


def test_each_candidate_shows_a_photograph_of_itself(river, model_folder):
    (found,) = river.identify(1, model=model_folder).identifications
    for answer in found.candidates:
        assert answer.photograph.path.is_file()
        assert answer.photograph.name.startswith("IMG_")


def test_flanks_are_compared_with_their_like_only(flanks, model_folder, tmp_path):
    (left,) = flanks.identify(tmp_path / "0.jpg", model=model_folder).identifications
    assert (left.scope.sides, left.photographs, left.individuals) == (("left",), 1, 1)
    (either,) = flanks.identify(tmp_path / "0.jpg", model=model_folder, any_side=True).identifications
    assert (either.scope.sides, either.photographs) == ((), 2)
    asked = flanks.identify(tmp_path / "0.jpg", model=model_folder, side="right")  # a left one
    assert asked.identifications == []
    assert [bad.reason for bad in asked.skipped] == [
        "none of its photographs shows its right side: leave out --side"
    ]


def test_an_encounter_with_both_flanks_looks_for_each_among_its_like(flanks, model_folder):
    (found,) = flanks.identify(1, model=model_folder).identifications
    assert found.scope.sides == ("left", "right")
    (answer,) = found.candidates
    assert answer.individual == "B"
    pair = {answer.photograph.name, answer.asked}
    assert pair in ({"2.jpg", 1}, {"3.jpg", 2})


def test_species_sites_and_days_narrow_the_scope_and_are_part_of_the_answer(flanks, model_folder, tmp_path):
    new = write(tmp_path / "new.jpg", 20)

    def ask(**scope):
        (found,) = flanks.identify(new, model=model_folder, **scope).identifications
        return {answer.individual for answer in found.candidates}, str(found.scope)

    assert ask() == ({"A", "B", "Z"}, "any species, any side")
    assert ask(species="Equus quagga") == ({"Z"}, "Equus quagga, any side")
    assert ask(sites=["Kamo"]) == ({"A"}, "any species, any side, at Kamo")
    assert ask(since=date(2022, 8, 22)) == ({"B"}, "any species, any side, since 2022-08-22")
    assert ask(sites=["Nowhere"]) == (set(), "any species, any side, at Nowhere")


def test_a_catalogue_without_names_has_no_candidates(catalogue, model_folder, tmp_path):
    photo = write(tmp_path / "a.jpg", 1)
    catalogue.add(photo)
    (found,) = catalogue.identify(photo, model=model_folder).identifications
    assert (found.candidates, found.individuals, found.new) == ((), 0, 1.0)
    assert (found.answer, found.confidence, found.rest, found.sites) == (None, 1.0, 0.0, {})


def test_confirming_an_answer_makes_it_a_candidate_of_the_next_query(catalogue, model_folder, tmp_path):
    for number in range(2):
        write(tmp_path / f"{number}.jpg", number)
    catalogue.add([tmp_path / "0.jpg", tmp_path / "1.jpg"])
    catalogue.confirm(1, "new", name="Sakura")
    assert names(catalogue.identify(2, model=model_folder)) == [["Sakura"]]
    catalogue.undo()
    assert names(catalogue.identify(2, model=model_folder)) == [[]]


def test_bad_files_are_listed_and_stop_nothing(flanks, model_folder, tmp_path):
    folder = tmp_path / "asked"
    write(folder / "good.jpg", 30)
    (folder / "bad.jpg").write_text("no photograph")
    report = flanks.identify([folder, tmp_path / "gone.jpg"], model=model_folder)
    assert [Path(found.query).name for found in report.identifications] == ["good.jpg"]
    assert sorted(bad.path.name for bad in report.skipped) == ["bad.jpg", "gone.jpg"]


def test_what_cannot_be_asked(flanks, model_folder):
    with pytest.raises(CatalogueError, match="there is no encounter 99"):
        flanks.identify(99, model=model_folder)
    with pytest.raises(SettingError, match="write left or right"):
        flanks.identify(1, model=model_folder, side="top")
    with pytest.raises(SettingError, match="one candidate or more"):
        flanks.identify(1, model=model_folder, top=0)
    with pytest.raises(SettingError, match="everywhere and certain sites"):
        flanks.identify(1, model=model_folder, everywhere=True, sites=["Kamo"])
    with pytest.raises(SettingError, match="leave out how far"):
        flanks.identify(1, model=model_folder, everywhere=True, near=3)
    with pytest.raises(SettingError, match="near -1: write a number above zero"):
        flanks.identify(1, model=model_folder, near=-1)


def test_an_interrupted_description_gives_no_answer_from_half_a_gallery(flanks, model_folder):
    def stop(what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flanks.identify(1, model=model_folder, progress=stop)
    assert flanks.identify(1, model=model_folder).identifications[0].photographs == 2


def test_an_encounter_is_asked_about_with_the_photographs_that_are_left(flanks, model_folder):
    path = flanks.folder / "media"
    with flanks.reading() as session:
        first = session.get(Medium, 1).path
    (path / first).unlink()
    report = flanks.identify(1, model=model_folder)
    assert report.identifications[0].scope.sides == ("right",)
    assert len(report.skipped) == 1


def test_a_number_that_is_numpys_is_a_number(flanks, model_folder):
    asked = flanks.encounters()["encounter"].astype("int64").to_numpy()[0]
    assert flanks.identify([asked], model=model_folder).identifications[0].encounter == 1


def test_one_side_and_any_side_cannot_both_be_asked_for(flanks, model_folder):
    with pytest.raises(SettingError, match="cannot both"):
        flanks.identify(1, model=model_folder, side="left", any_side=True)


@settings(max_examples=10, deadline=None)
@given(number=st.integers(1, 9), top=st.integers(1, 6), prior=st.floats(0.001, 0.999))
def test_probabilities_sum_to_one(river, model_folder, number, top, prior):
    (found,) = river.identify(number, model=model_folder, top=top, prior_new=prior).identifications
    shares = [answer.probability for answer in found.candidates]
    assert sum(shares) + found.rest + found.new == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert (found.answer is None) == (found.new >= max(shares))
    assert found.confidence == max(found.new, *shares)
    assert sum(found.sites.values()) <= 1 - found.new + 1e-9
    assert found.prior_new == prior


def test_a_prior_of_new_animals_moves_the_answer(river):
    sure, doubtful = (river.identify(2, prior_new=prior).identifications[0] for prior in (0.01, 0.99))
    assert sure.new < doubtful.new
    assert sure.candidates[0].individual == doubtful.candidates[0].individual


def test_each_kind_of_evidence_says_what_it_adds(river, model_folder):
    (found,) = river.identify(2, model=["marks", model_folder]).identifications
    assert len(found.models) == 2
    first, second = found.candidates[:2]
    assert set(first.evidence) == set(found.models)
    odds = sum(first.evidence.values()) - sum(second.evidence.values())
    assert first.probability / second.probability == pytest.approx(exp(odds))


def test_sites_say_where_the_animal_may_have_come_from(flanks, model_folder, tmp_path):
    new = write(tmp_path / "new.jpg", 20)
    (found,) = flanks.identify(new, model=model_folder, everywhere=True).identifications
    shares = {answer.individual: answer.probability for answer in found.candidates}
    assert found.sites == {"Kamo": pytest.approx(shares["A"]), "Katsura": pytest.approx(shares["B"])}
    seen = {answer.individual: answer.seen for answer in found.candidates}
    assert seen["B"] == (Seen("Katsura", date(2022, 8, 22), date(2022, 8, 22), 1),)
    assert seen["Z"] == (Seen(None, date(2022, 8, 20), date(2022, 8, 20), 1),)


def test_a_photograph_says_itself_how_far_away_the_animal_was_met(catalogue, model_folder, tmp_path):
    write(tmp_path / "known.jpg", 1, place=(35.0, 135.0))
    catalogue.add(tmp_path / "known.jpg")
    catalogue.confirm(1, "new", name="Sakura")
    far, unknown = write(tmp_path / "far.jpg", 2, place=(35.1, 135.0)), write(tmp_path / "unknown.jpg", 3)
    report = catalogue.identify([far, unknown], model=model_folder)
    away = [found.candidates[0].kilometres for found in report.identifications]
    assert away == [pytest.approx(11.12, abs=0.01), None]
    (near,) = catalogue.identify(far, model=model_folder, near=2).identifications
    assert near.candidates[0].evidence["records"] <= 0


def test_of_one_side_only_that_is_asked_for_are_the_queries_pictures_compared(flanks, model_folder):
    (found,) = flanks.identify(1, model=model_folder, side="right").identifications
    assert (found.scope.sides, found.photographs) == (("right",), 1)
    assert [(answer.photograph.name, answer.asked) for answer in found.candidates] == [("3.jpg", 2)]


def test_two_animals_are_nothing_to_measure_by_and_the_likest_goes_first(river, catalogue, model_folder, tmp_path):
    for number, name in enumerate(["A", "B"]):
        catalogue.add(write(tmp_path / f"{number}.jpg", number))
        catalogue.confirm(number + 1, "new", name=name)
    for number, name in enumerate(["A", "B"]):
        again = write(tmp_path / f"again{number}.jpg", number, size=(96, 72))
        (found,) = catalogue.identify(again, model=model_folder, prior_new=0.2).identifications
        assert not found.compared
        first, second = found.candidates
        assert first.probability == second.probability == pytest.approx(0.4, abs=0.01)
        assert first.individual == name
    (found,) = river.identify(1, model=model_folder).identifications
    assert found.compared


def test_an_encounter_without_the_side_that_is_asked_for_is_not_compared(flanks, model_folder):
    table = flanks.encounters()
    zebra = int(table.loc[table["label"] == "z", "encounter"].iloc[0])  # a left flank only
    report = flanks.identify([zebra], model=model_folder, side="right")
    assert report.identifications == []
    (bad,) = report.skipped
    assert f"encounter {zebra}" in str(bad.path)
    assert "none of its photographs shows its right side" in bad.reason
