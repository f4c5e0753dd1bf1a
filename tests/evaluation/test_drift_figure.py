from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from hanzaki.evaluation.report.drifting import drift_figure
from hanzaki.matching.drift import Drift, IndividualDrift

NASTY = "<script>$x_1$ & さくら\x07"


def drawn(slope: float = -0.4, years: tuple[float, ...] = (1.0, 8.0), named: dict | None = None) -> str:
    own = {
        number: IndividualDrift(slope, slope - 0.1, slope + 0.1, 5.0, 3, longest)
        for number, longest in enumerate(years)
    }
    drift = Drift(slope, slope - 0.1, slope + 0.1, 5.0, -4.0, 3.0, 0.1, own)
    gaps = np.array(years)
    return drift_figure(drift, gaps, 5.0 + slope * gaps, named)


def test_the_figure_says_what_it_shows_and_needs_nothing_from_elsewhere():
    svg = drawn(named={1: NASTY, 99: "nobody"})
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join("".join(element.itertext()) for element in root.iter() if element.tag.endswith("text"))
    assert "years between two encounters of an animal" in text
    for word in ("100 times", "as likely", "1/10", "two strangers", "all together", "さくら"):
        assert word in text
    assert "nobody" not in text
    assert not any(element.tag.endswith(("script", "image")) for element in root.iter())


def test_the_same_figure_is_the_same_bytes():
    assert drawn() == drawn()
    assert drawn() != drawn(slope=-0.1)


def test_even_a_day_or_a_hundred_thousand_pairs_are_drawn():
    assert "<svg" in drawn(years=(0.003, 0.0))
    drift = Drift(-0.4, -0.5, -0.3, 5.0, -4.0, 3.0, 0.1, {})
    rng = np.random.default_rng(0)
    assert len(drift_figure(drift, rng.uniform(0, 9, 100_000), rng.normal(size=100_000))) < 2_000_000
