"""A virtual population does what its parameters say, as a capture-recapture model has it."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from hanzaki.virtual.demography import Capture, Population, Rates, River, Survey, yearly
from hanzaki.virtual.lives import RECRUIT_AGE, lives, presence, salamander
from hanzaki.virtual.meetings import abundance, captures, histories, occasions, surveys

FIRST = date(2020, 8, 20)
CLOSED = Rates(survival=1.0, recruits=0.0, immigrants=0.0)
SURE = 1 - 1e-5  # of what a sound simulation does; the seeds are fixed, so that it does so always


def _within(count: int, distribution) -> bool:
    low, high = distribution.interval(SURE)
    return low <= count <= high


rates = st.builds(
    Rates,
    survival=st.floats(0.3, 1.0),
    recruits=st.floats(0, 6),
    immigrants=st.floats(0, 3),
    hybrids=st.floats(0, 1),
)
chances = st.builds(
    Capture,
    probability=st.floats(0, 1),
    heterogeneity=st.floats(0, 2),
    response=st.floats(-3, 3),
    away=st.floats(0, 1),
)
populations = st.builds(
    Population,
    surveys=st.builds(yearly, st.just(FIRST), st.integers(1, 4), st.integers(1, 3)),
    residents=st.integers(0, 12),
    begin=st.sampled_from([None, date(2017, 2, 28)]),
    rates=rates,
    capture=chances,
    seed=st.integers(0, 2**40),
)


@settings(max_examples=25, deadline=None)
@given(populations)
def test_the_books_balance(population):
    book, there = abundance(population), presence(population)
    assert book["N"].tolist() == there.sum().tolist()
    assert (book["N"] == book["survivors"] + book["B"]).all()
    assert (book["survivors"].iloc[1:].to_numpy() <= book["N"].iloc[:-1].to_numpy()).all()
    assert ((book["met"] <= book["exposed"]) & (book["exposed"] <= book["N"])).all()
    everybody = lives(population)
    assert everybody["individual"].tolist() == list(range(len(everybody)))
    assert (everybody["arrival"] == "resident").sum() == population.residents
    assert everybody["entered"].is_monotonic_increasing
    assert (everybody["entered"] <= pd.Timestamp(population.surveys[-1].day)).all()
    assert (everybody["born"] <= everybody["entered"] - timedelta(days=round(RECRUIT_AGE * 365.25))).all()
    assert not (everybody["left"] <= everybody["entered"]).any()


@settings(max_examples=25, deadline=None)
@given(populations)
def test_only_who_is_there_and_in_the_searched_stretch_is_met_and_once_a_survey(population):
    met, there, where = captures(population), presence(population), surveys(population)
    assert not met.duplicated(["survey", "individual"]).any()
    assert all(
        there.loc[individual, survey] for survey, individual in zip(met.survey, met.individual, strict=True)
    )
    stretch = where.set_index("survey").loc[met.survey]
    assert met.metre.between(stretch.start.to_numpy(), stretch.end.to_numpy()).all()
    assert (met.photographs >= 1).all()
    history = histories(population)
    assert history.shape == (met.individual.nunique(), len(population.surveys))
    assert history.sum().tolist() == abundance(population)["met"].tolist()
    assert not len(history) or history.sum(axis=1).min() >= 1


@settings(max_examples=25, deadline=None)
@given(populations)
def test_occasions_are_the_captures_with_what_a_photographer_needs(population):
    met, born = captures(population), lives(population)["born"]
    there = list(occasions(population))
    assert [(o.survey, o.individual, o.metre, o.photographs) for o in there] == list(
        met[["survey", "individual", "metre", "photographs"]].itertuples(index=False, name=None)
    )
    for occasion in there[:5]:
        assert occasion.day == population.surveys[occasion.survey].day
        assert occasion.age == pytest.approx(
            (pd.Timestamp(occasion.day) - born[occasion.individual]).days / 365.25
        )
        animal = salamander(population, occasion.individual, occasion.age)
        told = lives(population).loc[occasion.individual]
        assert (animal.seed, animal.origin, animal.age) == (told.seed, told.origin, occasion.age)


@settings(max_examples=20, deadline=None)
@given(populations, st.integers(1, 1500), st.floats(0, 3))
def test_a_survey_more_changes_nothing_of_the_others(population, days, effort):
    population = replace(population, begin=population.beginning, capture=replace(population.capture, response=0.0))
    other = Survey(FIRST + timedelta(days=days), effort)
    assume(other.day not in [survey.day for survey in population.surveys])
    more = replace(population, surveys=tuple(sorted([*population.surveys, other], key=lambda survey: survey.day)))
    known = len(lives(population))
    pd.testing.assert_frame_equal(lives(more).iloc[:known], lives(population))
    met = [[(o.day, *o[2:]) for o in occasions(which) if o.day != other.day] for which in (population, more)]
    assert met[0] == met[1]


def test_more_residents_leave_the_first_ones_as_they_were():
    few = Population(yearly(FIRST, 3), residents=5, seed=4)
    many = replace(few, residents=8)
    pd.testing.assert_frame_equal(lives(many).iloc[:5], lives(few).iloc[:5])
    newcomers = [lives(which).query("arrival != 'resident'").drop(columns="individual") for which in (few, many)]
    assert len(newcomers[0])
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in newcomers))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 30), st.integers(0, 99))
def test_without_death_and_entry_the_population_is_closed(residents, seed):
    population = Population(yearly(FIRST, 30), residents, rates=CLOSED, seed=seed)
    assert (abundance(population)["N"] == residents).all()
    assert lives(population)["left"].isna().all()


def test_everybody_is_met_where_capture_is_certain_and_nobody_where_it_is_not():
    population = Population(
        yearly(FIRST, 4, days=2), capture=Capture(probability=1.0, heterogeneity=1.0, response=-2)
    )
    book = abundance(population)
    assert (book["met"] == book["N"]).all()
    never = replace(population, capture=Capture(probability=0.0, heterogeneity=1.0, response=5))
    assert captures(never).empty
    assert histories(never).shape == (0, 8)
    idle = replace(population, surveys=tuple(replace(survey, effort=0.0) for survey in population.surveys))
    assert captures(idle).empty


def test_survivors_are_as_many_as_phi_says():
    closed_door = Rates(survival=0.8, recruits=0, immigrants=0)
    book = abundance(Population(yearly(FIRST, 5), residents=1500, rates=closed_door, seed=1))
    for years in range(1, 5):
        days = (book["date"][years] - book["date"][0]).days
        assert _within(book["N"][years], stats.binom(1500, 0.8 ** (days / 365.25)))


def test_lives_last_as_long_as_phi_says():
    told = lives(Population(yearly(FIRST, 1), 8000, rates=Rates(survival=0.8, recruits=0, immigrants=0)))
    years = (told["left"] - told["entered"]).dt.days / 365.25
    assert _within(years.sum(), stats.gamma(8000, scale=-1 / np.log(0.8)))
    assert stats.kstest(years, stats.expon(scale=-1 / np.log(0.8)).cdf).pvalue > 1e-4


def test_those_who_come_are_as_many_as_the_rates_say_and_come_all_through_the_year():
    come = Population(yearly(FIRST, 11), 0, rates=Rates(recruits=60, immigrants=20, survival=0.9), seed=2)
    told = lives(come)
    recruits = told[told.arrival == "recruit"]
    assert _within(len(recruits), stats.poisson(600))
    each_year = np.bincount((recruits.entered.dt.date - FIRST).map(lambda age: int(age.days // 365.25)))
    assert _within(((each_year[:10] - 60) ** 2 / 60).sum(), stats.chi2(10))  # as uneven as chance makes them
    assert _within((told.arrival == "immigrant").sum(), stats.poisson(200))
    assert stats.kstest((told.entered - told.entered.min()).dt.days / 3652, "uniform").pvalue > 1e-4
    # Entries and deaths balance at N = (60 + 20) a year over -ln(0.9).
    later = Population((Survey(date(2100, 1, 1)),), 0, begin=FIRST, rates=come.rates, seed=3)
    assert _within(abundance(later)["N"][0], stats.poisson(80 / -np.log(0.9)))


def test_kinds_and_sexes_have_their_shares():
    mixed = Rates(survival=0.9, recruits=0, immigrants=0, hybrids=0.3, chinese=0.1, females=0.6)
    told = lives(Population(yearly(FIRST, 1), 3000, rates=mixed))
    for column, value, share in [
        ("origin", "hybrid", 0.3),
        ("origin", "chinese", 0.1),
        ("origin", "native", 0.6),
        ("sex", "female", 0.6),
    ]:
        assert _within((told[column] == value).sum(), stats.binom(3000, share))
    assert told["seed"].is_unique
    # At rest, ages since recruitment are exponential with the hazard of death.
    ages = (told["entered"] - told["born"]).dt.days / 365.25 - RECRUIT_AGE
    hazard = -np.log(0.9)
    assert stats.kstest(ages, stats.truncexpon(55 * hazard, scale=1 / hazard).cdf).pvalue > 1e-4


def test_capture_varies_with_effort_as_independent_searches_do():
    days = [Survey(FIRST + timedelta(days=n), effort) for n, effort in enumerate((0.5, 1.0, 2.0))]
    population = Population(tuple(days), 3000, rates=CLOSED, capture=Capture(probability=0.3))
    for count, effort in zip(abundance(population)["met"], (0.5, 1.0, 2.0), strict=True):
        assert _within(count, stats.binom(3000, 1 - 0.7**effort))


@pytest.mark.parametrize("response", [-1.5, 1.5])
def test_capture_varies_with_behaviour(response):
    population = Population(
        yearly(FIRST, 1, days=2), 3000, rates=CLOSED, capture=Capture(probability=0.4, response=response)
    )
    history = histories(population).to_numpy()
    first, second = history[:, 0].sum(), history[:, 1].sum()
    both = (history.sum(axis=1) == 2).sum()
    assert _within(first, stats.binom(3000, 0.4))
    assert _within(second - both, stats.binom(3000 - first, 0.4))
    assert _within(both, stats.binom(first, expit(logit(0.4) + response)))


def test_capture_varies_between_individuals_only_if_it_should():
    variances = []
    for heterogeneity in (0.0, 1.5):
        capture = Capture(probability=0.3, heterogeneity=heterogeneity)
        population = Population(yearly(FIRST, 1, days=8), 1500, rates=CLOSED, capture=capture)
        counts = captures(population).groupby("individual").size().reindex(range(1500), fill_value=0)
        variances.append(counts.var() / stats.binom(8, counts.mean() / 8).var())
        if heterogeneity:
            assert np.corrcoef(counts, lives(population)["deviation"])[0, 1] > 0.7
    assert variances[0] == pytest.approx(1.0, abs=0.15)
    assert variances[1] > 2.0


def test_chapmans_estimate_of_a_closed_population_is_near_the_truth():
    population = Population(yearly(FIRST, 1, days=2), 800, rates=CLOSED, capture=Capture(probability=0.4), seed=6)
    history = histories(population).to_numpy()
    n, m = history.sum(axis=0), (history.sum(axis=1) == 2).sum()
    estimate = (n[0] + 1) * (n[1] + 1) / (m + 1) - 1
    variance = (n[0] + 1) * (n[1] + 1) * (n[0] - m) * (n[1] - m) / ((m + 1) ** 2 * (m + 2))
    assert abs(estimate - 800) < 4 * np.sqrt(variance)


def test_who_is_away_is_away_all_the_year():
    capture = Capture(probability=1.0, away=0.4)
    population = Population(yearly(FIRST, 2, days=3), 2000, rates=CLOSED, capture=capture)
    history = histories(population).reindex(range(2000), fill_value=0).to_numpy().reshape(2000, 2, 3)
    assert set(np.unique(history.sum(axis=2))) == {0, 3}
    met = history[:, :, 0].sum(axis=0)
    assert all(_within(count, stats.binom(2000, 0.6)) for count in met)
    assert _within((history[:, :, 0].sum(axis=1) == 2).sum(), stats.binom(2000, 0.36))


def test_animals_roam_about_their_homes():
    population = Population(
        yearly(FIRST, 1, days=5), 400, rates=CLOSED, capture=Capture(probability=1.0), river=River(5000, 40)
    )
    met = captures(population).merge(lives(population), on="individual")
    inland = met[met["home"].between(400, 4600)]
    assert (inland["metre"] - inland["home"]).std() == pytest.approx(40, rel=0.1)
    assert met["metre"].between(0, 5000).all()
    assert stats.kstest(lives(population)["home"] / 5000, "uniform").pvalue > 1e-4


def test_a_survey_of_a_part_meets_only_who_is_there():
    part = (Survey(FIRST, start=200, end=500),)
    population = Population(part, 2000, rates=CLOSED, capture=Capture(probability=1.0))
    assert _within(abundance(population)["met"][0], stats.binom(2000, 0.3))
    assert captures(population)["metre"].between(200, 500).all()


def test_lengths_are_measured_with_an_error_about_the_truth():
    population = Population(
        yearly(FIRST, 1), 500, rates=CLOSED, capture=Capture(probability=1.0, length_error=2.0, photographs=4.0)
    )
    truth = [salamander(population, o.individual, o.age).length_cm for o in occasions(population)]
    met = captures(population)
    assert (met["length_cm"] - truth).std() == pytest.approx(2.0, rel=0.15)
    assert _within(met["photographs"].sum() - 500, stats.poisson(1500))


@given(st.floats(-1e4, 1e4), st.floats(1, 1e4))
def test_the_stream_has_ends(metre, length):
    inside = River(length).inside(metre)
    assert 0 <= inside <= length
    if 0 <= metre <= length:
        assert inside == pytest.approx(metre)


def test_a_robust_design_has_the_same_days_every_year():
    days = [survey.day for survey in yearly(date(2024, 2, 29), 2, days=2, apart=7)]
    assert days == [date(2024, 2, 28), date(2024, 3, 6), date(2025, 2, 28), date(2025, 3, 7)]


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        (Rates, {"survival": 0.0}),
        (Rates, {"survival": 1.1}),
        (Rates, {"recruits": -1.0}),
        (Rates, {"immigrants": float("nan")}),
        (Rates, {"hybrids": 0.6, "chinese": 0.6}),
        (Rates, {"females": 2.0}),
        (Capture, {"probability": 1.5}),
        (Capture, {"away": -0.1}),
        (Capture, {"heterogeneity": -1.0}),
        (Capture, {"length_error": float("inf")}),
        (Capture, {"response": float("nan")}),
        (Capture, {"photographs": 0.5}),
        (River, {"length": 0.0}),
        (River, {"sigma": -1.0}),
        (Survey, {"day": FIRST, "effort": -1.0}),
        (Survey, {"day": FIRST, "start": 10.0, "end": 10.0}),
        (Population, {"surveys": ()}),
        (Population, {"surveys": (Survey(FIRST), Survey(FIRST))}),
        (Population, {"surveys": (Survey(FIRST),), "begin": date(2021, 1, 1)}),
        (Population, {"surveys": (Survey(FIRST, end=2000.0),)}),
        (Population, {"surveys": (Survey(FIRST),), "residents": -1}),
        (Population, {"surveys": (Survey(FIRST),), "seed": -1}),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_way_out(kind, odd):
    with pytest.raises(ValueError, match=r"give|lower|change|begin earlier|leaves one"):
        kind(**odd)


def test_an_unknown_individual_or_plan_is_refused():
    with pytest.raises(ValueError, match="no individual 7"):
        salamander(Population((Survey(FIRST),), 3, rates=CLOSED), 7, 10.0)
    with pytest.raises(ValueError, match="1 or more"):
        yearly(FIRST, 0)
