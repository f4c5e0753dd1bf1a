"""Boxes drawn on photographs, and tables of them, for the formats of labelling programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st
from PIL import Image

from hanzaki import Annotations, Box
from hanzaki.annotations import AnnotationRow
from tests.exchange.writers import names

WIDTH, HEIGHT = 4000, 3000

upright = st.builds(
    lambda x, y, w, h: Box(x, y, min(w, WIDTH - x), min(h, HEIGHT - y)),
    st.floats(0, WIDTH - 1),
    st.floats(0, HEIGHT - 1),
    st.floats(0.5, WIDTH),
    st.floats(0.5, HEIGHT),
)
turned = st.builds(lambda box, theta: Box(*box[:4], theta), upright, st.just(0.0) | st.floats(-3.1, 3.1))
labels = names.filter(lambda name: name.lower() not in {"nan", "animal"})


def size(path: Path) -> tuple[int, int]:
    """Every photograph is as large, and none need be there."""
    return WIDTH, HEIGHT


def drawn_rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[AnnotationRow]]:
    """Rows of one to three photographs, each with one or more boxes."""
    paths = st.sampled_from(["a.jpg", "river/day one/b.jpg", "river/é#%ü.png"])
    columns = {"bbox": turned, "label": labels} | columns
    rows = st.lists(st.builds(AnnotationRow, path=paths, **columns), min_size=1, max_size=6)
    return rows.map(lambda rows: sorted(rows, key=lambda row: row.path))


def table_of(folder: Path, *rows: AnnotationRow, photographs: bool = True) -> Annotations:
    """The rows as a table in ``folder``, and tiny photographs where they should be."""
    for path in {row.path for row in rows} if photographs else ():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30)).save(folder / path, "JPEG")
    return Annotations(pd.DataFrame([asdict(row) | {"bbox": row.bbox} for row in rows]), folder / "table.csv")


def moved(rows: Sequence[AnnotationRow], start: str) -> list[AnnotationRow]:
    return [replace(row, path=f"{start}/{row.path}") for row in rows]


def assert_drawn_alike(found: Sequence[AnnotationRow], expected: Sequence[AnnotationRow], pixels: float = 1e-6):
    """All columns are equal, boxes and angles nearly so."""
    assert [replace(row, bbox=None) for row in found] == [replace(row, bbox=None) for row in expected]
    for row, other in zip(found, expected, strict=True):
        assert row.bbox is not None
        assert other.bbox is not None
        assert row.bbox[:4] == pytest.approx(other.bbox[:4], abs=pixels)
        assert math.remainder(row.bbox.theta - other.bbox.theta, 2 * math.pi) == pytest.approx(0, abs=1e-9)
