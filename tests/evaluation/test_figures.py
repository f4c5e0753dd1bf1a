from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from hanzaki.evaluation.calibration import reliability
from hanzaki.evaluation.report.figures import confusion, curves, embedding_map, grouped_bars, reliability_diagram
from hanzaki.evaluation.report.maps import embed, map_sample

NONE = (float("nan"),) * 3
NASTY = "<script>$x_1$ & さくら\x07"


def made() -> dict[str, str]:
    rng = np.random.default_rng(0)
    sure = rng.random(80)
    return {
        "bars": grouped_bars(
            [NASTY, "b"], {"top-1": [(0.5, 0.4, 0.6), NONE], "top-5": [NONE, NONE]}, ylabel="found"
        ),
        "many bars": grouped_bars(
            list("abcdefghij"), {"top-1": [(2.0, 1.0, 3.0)] * 10}, ylabel="n", percent=False
        ),
        "no bars": grouped_bars([], {}, ylabel="found"),
        "curves": curves(
            {NASTY: [(1, 0.2, 0.1, 0.3), (2, *NONE), (3, 0.4, *NONE[1:])]}, xlabel="k", ylabel="found"
        ),
        "confusion": confusion(np.array([[3, 1], [0, 0]]), ["a", NASTY]),
        "reliability": reliability_diagram(reliability(sure, rng.random(80) < sure, 10)),
        "two reliabilities": reliability_diagram(
            reliability(sure, rng.random(80) < sure, 10), reliability(sure**0.2, rng.random(80) < sure, 10)
        ),
        "map": embedding_map(
            rng.normal(size=(30, 2)),
            [NASTY if place % 3 else None for place in range(30)],
            rng.choice([0, 1, np.nan], 30),
        ),
        "empty map": embedding_map(np.empty((0, 2)), [], np.empty(0)),
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, str]:
    return made()


@pytest.mark.parametrize(
    "name", ["bars", "many bars", "no bars", "curves", "confusion", "reliability", "two reliabilities", "map"]
)
def test_a_figure_is_well_formed_and_needs_nothing_from_elsewhere(figures, name: str):
    root = ElementTree.fromstring(figures[name])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for element in root.iter():
        assert not element.tag.endswith(("script", "image", "a"))
        for attribute, value in element.attrib.items():
            assert not (attribute.endswith("href") and not value.startswith("#"))


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def test_text_stays_text_and_no_name_is_a_formula(figures):
    for name in ("bars", "curves", "confusion", "map"):
        said = "".join(texts(figures[name]))
        if name != "curves":  # one curve needs no legend
            assert "<script>$x_1$" in said
            assert "さくら" in said
    assert "system-ui" in figures["bars"]


def test_two_processes_draw_the_same_bytes(figures):
    code = "import sys; from tests.evaluation.test_figures import made; sys.stdout.write(repr(made()))"
    code += "; assert 'matplotlib.pyplot' not in sys.modules"
    again = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert again == repr(figures)


def test_no_global_style_or_figure_is_left_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    grouped_bars(["a"], {"x": [(0.5, 0.4, 0.6)]}, ylabel="found")
    assert dict(matplotlib.rcParams) == before


def test_a_users_own_style_changes_nothing():
    import matplotlib

    plain = confusion(np.eye(2, dtype=int), ["a", "b"])
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True}):
        assert confusion(np.eye(2, dtype=int), ["a", "b"]) == plain


def bars_drawn(svg: str) -> int:
    paths = [element for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}path")]
    return sum(
        "fill: #0072b2" in path.get("style", "") and len(set(path.get("d", "").split())) > 6 for path in paths
    )


def test_a_missing_value_leaves_a_gap():
    one = grouped_bars(["a", "b"], {"x": [(0.5, 0.4, 0.6), NONE]}, ylabel="found")
    two = grouped_bars(["a", "b"], {"x": [(0.5, 0.4, 0.6), (0.4, 0.3, 0.5)]}, ylabel="found")
    assert (bars_drawn(one), bars_drawn(two)) == (1, 2)
    assert "nan" not in one.lower()


def test_bars_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="2 labels"):
        grouped_bars(["a", "b"], {"x": [(0.5, 0.4, 0.6)]}, ylabel="found")
    with pytest.raises(ValueError, match="1 labels"):
        confusion(np.eye(2, dtype=int), ["a"])


def test_counts_stand_in_the_cells():
    assert {"17", "4", "0", "29"} <= set(texts(confusion(np.array([[17, 4], [0, 29]]), ["a", "b"])))


def test_a_map_keeps_neighbours_and_is_the_same_every_time():
    rng = np.random.default_rng(0)
    animals = np.repeat(np.arange(3), 8)
    vectors = list((np.eye(3)[animals] + rng.normal(0, 0.05, (24, 3))).astype(np.float32))
    xy = embed(vectors)
    np.testing.assert_array_equal(xy, embed(vectors))
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (animals[apart.argmin(axis=1)] == animals).mean() > 0.9


def test_annotations_all_alike_lie_in_one_place():
    np.testing.assert_array_equal(embed([np.ones(4, np.float32)] * 9), np.zeros((9, 2)))


def test_a_map_of_too_few_is_an_error():
    with pytest.raises(ValueError, match="at least 8"):
        embed([np.ones(4, np.float32)] * 7)


def test_more_annotations_than_a_map_has_room_for_are_drawn_by_lot():
    np.testing.assert_array_equal(map_sample(5, most=9), np.arange(5))
    rows = map_sample(1000, most=50)
    assert len(set(rows.tolist())) == 50
    np.testing.assert_array_equal(rows, map_sample(1000, most=50))
