"""Answers in the words that a person reads: how probable, how much likelier, where and when seen before."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hanzaki.fieldwork.identity.history import Seen
    from hanzaki.fieldwork.identity.identify import Answer, Identification

SOMEBODY_NEW = "somebody new"

#: Said of answers in which pictures have no voice.
NOT_COMPARED = (
    "fewer than three animals to compare its pictures with: these are no more than the prior; look at the pictures"
)

_FINGERPRINT = re.compile(r"-[0-9a-f]{12}\b")  # of what a model computes, at the end of its name
_NO_DIFFERENCE = math.log(1.05)  # nats; less is not worth a word
_MOST = math.log(1e6)
_SITES, _PLACES = 5, 3


def in_order(found: Identification) -> list[Answer | None]:
    """The candidates of a query with "somebody new", None, at its place among them; the likeliest first.

    At equal probabilities somebody new goes before: that is what the answer is then.
    """
    above = sum(candidate.probability > found.new for candidate in found.candidates)
    return [*found.candidates[:above], None, *found.candidates[above:]]


def percent(probability: float) -> str:
    """A probability with the digits that mean something: ``83 %``, ``0.3 %``, ``>99 %``.

    Only what is certain is 100 %, and only what cannot be is 0 %.
    """
    if probability in (0, 1):
        return f"{probability:.0%}".replace("%", " %")
    if probability >= 0.995:
        return ">99 %"
    if probability < 0.001:
        return "<0.1 %"
    return f"{100 * probability:.{1 if probability < 0.0095 else 0}f} %"


def times(nats: float) -> str:
    """A log likelihood ratio as a factor: ``35 times likelier``, ``2.1 times less likely``, ``no difference``."""
    if abs(nats) < _NO_DIFFERENCE:
        return "no difference"
    way = "likelier" if nats > 0 else "less likely"
    if abs(nats) > _MOST:
        return f"over a million times {way}"
    factor = math.exp(abs(nats))
    digits = 1 if factor < 9.95 else 0 if factor < 99.5 else 1 - math.floor(math.log10(factor))
    return f"{round(factor, digits):,.{max(0, digits)}f} times {way}"


def short_name(evidence: str) -> str:
    """What evidence is called, without the fingerprints of its models: ``marks``, ``lighterglue on xfeat``."""
    return _FINGERPRINT.sub("", evidence)


def why(evidence: Mapping[str, float]) -> str:
    """What each kind of evidence gives an individual, what weighs most first: ``marks 35 times likelier, ...``.

    Args:
        evidence: weighed log likelihood ratios in nats, by name.
    """
    ordered = sorted(evidence.items(), key=lambda each: -abs(each[1]))
    return ", ".join(f"{short_name(name)} {times(nats)}" for name, nats in ordered)


def where_seen(seen: Sequence[Seen]) -> list[str]:
    """Where and when an individual was met, a line a site: ``Kamo 2019-06-02 to 2022-08-20 (5 encounters)``."""
    lines = [_one_place(place) for place in seen[:_PLACES]]
    return lines if len(seen) <= _PLACES else [*lines, f"and at {len(seen) - _PLACES} more"]


def by_site(found: Identification) -> str:
    """Where the animal was last met, and how probably: ``Kamo 83 %, Isso 2 %, nowhere that is known 15 %``."""
    ordered = sorted(found.sites.items(), key=lambda each: -each[1])
    words = [f"{site} {percent(probability)}" for site, probability in ordered[:_SITES]]
    if len(ordered) > _SITES:
        words.append(f"{len(ordered) - _SITES} other sites {percent(sum(each for _, each in ordered[_SITES:]))}")
    nowhere = max(0.0, 1 - sum(found.sites.values()))  # new ones, and those met where nobody wrote it down
    return ", ".join([*words, f"nowhere that is known {percent(nowhere)}"])


def _one_place(seen: Seen) -> str:
    words = [seen.site or "place not told"]
    if seen.last is not None:
        words.append(f"{seen.last}" if seen.first in (None, seen.last) else f"{seen.first} to {seen.last}")
    if seen.encounters > 1:
        words.append(f"({seen.encounters} encounters)")
    return " ".join(words)
