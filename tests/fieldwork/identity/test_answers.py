from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.fieldwork.identity.answers import by_site, in_order, percent, short_name, times, where_seen, why
from hanzaki.fieldwork.identity.history import Seen
from tests.fixtures.told import identification


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0, "0 %"),
        (1e-9, "<0.1 %"),
        (0.003, "0.3 %"),
        (0.0097, "1 %"),
        (0.034, "3 %"),
        (0.5, "50 %"),
        (0.9949, "99 %"),
        (0.996, ">99 %"),
        (1 - 1e-12, ">99 %"),
        (1, "100 %"),
    ],
)
def test_a_probability_has_the_digits_that_mean_something(probability, text):
    assert percent(probability) == text


@given(st.floats(0, 1))
def test_percent_is_true_to_half_of_its_last_digit(probability):
    text = percent(probability).removesuffix(" %")
    if text.startswith(">"):
        assert 0.99 < probability < 1
    elif text.startswith("<"):
        assert 0 < probability < 0.001
    else:
        assert abs(float(text) / 100 - probability) <= (0.0005 if "." in text else 0.005) + 1e-9
        assert (text in ("0", "100")) == (probability in (0, 1))


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.0, "no difference"),
        (35.2, "35 times likelier"),
        (2.14, "2.1 times likelier"),
        (1 / 2.14, "2.1 times less likely"),
        (1234, "1,200 times likelier"),
        (9.97, "10 times likelier"),
        (5e6, "over a million times likelier"),
    ],
)
def test_a_likelihood_ratio_is_said_as_a_factor(factor, text):
    assert times(math.log(factor)) == text


@given(st.floats(1.1, 9e5))
def test_the_factor_is_right_to_two_digits_and_the_same_both_ways(factor):
    said = times(math.log(factor))
    assert float(said.split()[0].replace(",", "")) == pytest.approx(factor, rel=0.05)
    assert times(-math.log(factor)) == said.replace("likelier", "less likely")


def test_somebody_new_stands_at_its_place():
    candidates = {"Sakura": 0.5, "Ume": 0.2}

    def names(new: float) -> list[str | None]:
        return [each and each.individual for each in in_order(identification(new, candidates))]

    assert names(0.6) == [None, "Sakura", "Ume"]
    assert names(0.3) == ["Sakura", None, "Ume"]
    assert names(0.1) == ["Sakura", "Ume", None]
    assert names(0.5)[0] is None  # as the answer is then
    assert identification(0.5, candidates).answer is None


def test_what_weighs_most_is_said_first_and_without_fingerprints():
    evidence = {"records": math.log(0.5), "marks-5f33b705d6a3": math.log(35), "hides-0123456789ab": 0.01}
    assert why(evidence) == "marks 35 times likelier, records 2.0 times less likely, hides no difference"
    assert short_name("lighterglue-0123456789ab on xfeat-5f33b705d6a3") == "lighterglue on xfeat"
    assert short_name("my-model") == "my-model"


def test_where_and_when_it_was_seen():
    seen = (
        Seen("Kamo", date(2019, 6, 2), date(2022, 8, 20), 5),
        Seen("Isso", date(2018, 5, 1), date(2018, 5, 1), 1),
        Seen(None, None, None, 1),
    )
    lines = ["Kamo 2019-06-02 to 2022-08-20 (5 encounters)", "Isso 2018-05-01", "place not told"]
    assert where_seen(seen) == lines
    assert where_seen([*seen, *seen]) == [*lines, "and at 3 more"]
    assert where_seen(()) == []


def test_probability_by_site_sums_to_one():
    found = identification(0.14, {"Sakura": 0.86}, sites={"Isso": 0.02, "Kamo": 0.83})
    assert by_site(found) == "Kamo 83 %, Isso 2 %, nowhere that is known 15 %"
    many = identification(0.1, {}, sites={f"site {number}": 0.1 for number in range(8)})
    assert by_site(many).endswith("site 4 10 %, 3 other sites 30 %, nowhere that is known 20 %")
