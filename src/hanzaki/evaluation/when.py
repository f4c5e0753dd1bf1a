"""Days and times of day as a user names them: ``2022-08-20, 2025-04-14..``; ``morning=5-12, evening=17-21:30``."""

from __future__ import annotations

from datetime import date, datetime, time

from hanzaki.errors import SettingError
from hanzaki.evaluation.encounters import has_time

#: About the salamander paper's three recordings a day: 11:00, 15:00 and 18:00 (its Methods).
HOURS = "morning=5-12, afternoon=12-17, evening=17-21"


class Days:
    """A set of days.

    Args:
        text: days and spans of days, both ends within, by commas: ``2022-08-20``, ``2025-04-01..2025-04-03``,
            ``..2025-04-03``, ``2025-04-14..``.

    Raises:
        SettingError: if that is not what the text is.
    """

    def __init__(self, text: str) -> None:
        self.spans = [_span(part) for part in _parts(text, "days")]

    def __contains__(self, when: datetime) -> bool:
        return any(first <= when.date() <= last for first, last in self.spans)


class Lights:
    """Times of day by name.

    Args:
        text: names with their hours, the first within and the last not, by commas: ``morning=5-12``,
            ``night=21:30-5``.

    Raises:
        SettingError: if that is not what the text is.
    """

    def __init__(self, text: str) -> None:
        self.hours = dict(_hours(part) for part in _parts(text, "hours"))

    def named(self, text: str) -> frozenset[str]:
        """The names of a text with commas.

        Raises:
            SettingError: if one has no hours.
        """
        names = frozenset(_parts(text, "light"))
        if names - self.hours.keys():
            unknown, known = ", ".join(sorted(names - self.hours.keys())), ", ".join(self.hours)
            raise SettingError(f"light {unknown!r} has no hours; there are {known}, and --hours names others")
        return names

    def at(self, when: datetime) -> str | None:
        """The name of a moment's light; None if it has none, or the time of day is not known."""
        if not has_time(when):
            return None
        clock = when.time()
        for name, (start, end) in self.hours.items():
            if start <= clock < end if start < end else clock >= start or clock < end:  # some pass midnight
                return name
        return None


def _parts(text: str, what: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise SettingError(f"no {what} are named in {text!r}")
    return parts


def _span(text: str) -> tuple[date, date]:
    first, dots, last = text.partition("..")
    try:
        if not dots:
            day = date.fromisoformat(first.strip())
            return day, day
        span = (
            date.fromisoformat(first.strip()) if first.strip() else date.min,
            date.fromisoformat(last.strip()) if last.strip() else date.max,
        )
    except ValueError:
        raise SettingError(
            f"{text!r} is no day: write 2022-08-20, or a span as 2025-04-01..2025-04-03, ..2025-04-03 or"
            " 2025-04-14.."
        ) from None
    if span[0] > span[1]:
        raise SettingError(f"{text!r} ends before it begins")
    return span


def _hours(text: str) -> tuple[str, tuple[time, time]]:
    name, equals, span = text.partition("=")
    start, dash, end = span.partition("-")
    try:
        if not (name.strip() and equals and dash):
            raise ValueError
        hours = _clock(start), _clock(end)
        if hours[0] == hours[1]:
            raise ValueError
        return name.strip(), hours
    except ValueError:
        raise SettingError(f"{text!r} are no hours: write morning=5-12 or evening=17-21:30") from None


def _clock(text: str) -> time:
    hour, _, minute = text.strip().partition(":")
    return time(int(hour) % 24 if hour == "24" else int(hour), int(minute or 0))
