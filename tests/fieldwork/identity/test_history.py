from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pytest

from hanzaki.fieldwork.identity.history import History, Seen, nearest, seen_by_site

COLUMNS = ["annotation", "encounter", "individual_id", "site", "seen", "latitude", "longitude"]
TABLE = pd.DataFrame(
    [
        (1, 1, 7, "Kamo", datetime(2020, 8, 1, 9), 35.0, 135.0),
        (2, 1, 7, "Kamo", datetime(2020, 8, 1, 10), 35.0, 135.0),
        (3, 2, 7, "Kamo", datetime(2022, 8, 1), None, None),
        (4, 3, 7, None, datetime(2024, 8, 1), None, None),
        (5, 4, 7, "Isso", datetime(2021, 8, 1), 36.0, 135.0),
        (6, 5, 7, "Isso", None, None, None),
        (7, 6, None, "Kamo", datetime(2023, 8, 1), 35.0, 135.0),
        (8, 7, 8, None, None, None, None),
    ],
    columns=COLUMNS,
    dtype=object,
)
HISTORY = History(TABLE)


def test_sites_stand_in_the_order_in_which_an_animal_was_seen_last():
    assert seen_by_site(HISTORY.of(7)) == (
        Seen(None, date(2024, 8, 1), date(2024, 8, 1), 1),
        Seen("Kamo", date(2020, 8, 1), date(2022, 8, 1), 2),
        Seen("Isso", date(2021, 8, 1), date(2021, 8, 1), 2),
    )
    assert seen_by_site(HISTORY.of(8)) == (Seen(None, None, None, 1),)


def test_the_last_site_is_the_last_that_was_written_down():
    assert HISTORY.last_site(7) == "Kamo"
    assert HISTORY.last_site(7, but=[2]) == "Isso"
    assert HISTORY.last_site(8) is None


def test_an_encounter_that_is_left_out_and_an_individual_that_nobody_knows_have_no_meetings():
    assert [met.encounter for met in HISTORY.of(7, but=[3, 4])] == [2, 1, 5]
    assert HISTORY.of(99) == []


def test_the_nearest_place_counts():
    degree = 111.195  # kilometres along a meridian
    assert nearest([(35.5, 135.0), (36.1, 135.0)], HISTORY.of(7)) == pytest.approx(0.1 * degree, rel=1e-3)
    assert nearest([], HISTORY.of(7)) is None
    assert nearest([(35.5, 135.0)], HISTORY.of(8)) is None
