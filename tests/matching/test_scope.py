from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pytest

from hanzaki.matching.scope import Scope

GALLERY = pd.DataFrame(
    [
        ("Andrias japonicus", "left", "Kamo", datetime(2022, 8, 20, 23, 59)),
        ("Andrias japonicus", "right", "Kamo", datetime(2022, 8, 21)),
        ("Andrias japonicus", None, "Katsura", None),
        ("Equus quagga", "left", None, datetime(2023, 1, 1)),
        (None, "top", None, None),
    ],
    columns=["species", "side", "site", "seen"],
    dtype=object,
)


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (Scope(), [0, 1, 2, 3, 4]),
        (Scope(species="Andrias japonicus"), [0, 1, 2, 4]),
        (Scope(sides=("left",)), [0, 2, 3, 4]),
        (Scope(sides=("left", "right")), [0, 1, 2, 3, 4]),
        (Scope(sites=("Kamo",)), [0, 1]),
        (Scope(sites=("Kamo", "Katsura")), [0, 1, 2]),
        (Scope(since=date(2022, 8, 21)), [1, 3]),
        (Scope(until=date(2022, 8, 20)), [0]),
        (Scope("Andrias japonicus", ("left",), ("Kamo",), date(2022, 8, 20), date(2022, 8, 20)), [0]),
    ],
)
def test_what_lies_in_the_scope(scope: Scope, inside: list[int]):
    assert list(scope.mask(GALLERY).nonzero()[0]) == inside


def test_a_scope_says_what_it_is():
    scope = Scope("Andrias japonicus", ("left",), ("Kamo", "Katsura"), date(2022, 8, 20), date(2022, 9, 1))
    assert str(scope) == "Andrias japonicus, left side, at Kamo or Katsura, since 2022-08-20, until 2022-09-01"
    assert str(Scope()) == "any species, any side"


def test_an_empty_gallery():
    assert Scope(species="x", since=date(2022, 1, 1)).mask(GALLERY.iloc[:0]).tolist() == []
