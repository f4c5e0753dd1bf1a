"""Encounters that are to change their individual, in a batch: which of these moves can be made together.

Each answer was found with all the others where they were. Two of them may rest on each other: of two names of one
animal each encounter would go over to the other name, and nothing would be won.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from hanzaki.fieldwork.identity.batch import Named


def one_way(
    moves: Sequence[Named],
    encounters: Mapping[int, int],
    anchored: Collection[int],
    rests_on: Mapping[int, int] | None = None,
) -> tuple[list[Named], dict[int, str]]:
    """Moves of which none rests on another that goes the opposite way.

    The surest go first. An encounter on whose picture a move rests does not move itself. An individual that nobody
    but the machine knows and that is given encounters gives none away, and the other way round; it keeps its last
    encounter where that would become somebody new.

    Args:
        moves: encounters that are to change their individual.
        encounters: how many each individual has, by its number.
        anchored: numbers of individuals of whom a person or table named an encounter; they may give and be given.
        rests_on: of an encounter, the other one whose picture speaks most for its move.

    Returns:
        the moves to make, and why the others are not made, by their encounters.
    """
    made: list[Named] = []
    waits: dict[int, str] = {}
    state = _Made(dict(encounters), anchored, rests_on or {})
    for move in sorted(moves, key=_surest):
        reason = f"waits for encounter {move.begun_by}" if move.begun_by in waits else state.reason_to_wait(move)
        if reason is not None:
            waits[move.encounter] = reason
        else:
            made.append(move)
            state.make(move)
    return made, waits


@dataclass
class _Made:
    """What the moves that were made so far forbid."""

    left: dict[int, int]
    anchored: Collection[int]
    rests_on: Mapping[int, int]
    gave: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)

    def reason_to_wait(self, move: Named) -> str | None:
        """Why a move cannot be made beside them; None if it can."""
        support = self.rests_on.get(move.encounter)
        if support in self.moved:
            return f"waits: it looks like encounter {support}, which changes"
        if move.encounter in self.held:
            return "waits: another looks like it, and changes"
        if move.before_id in self.given - set(self.anchored):
            return "waits: its individual is given other encounters"
        if move.individual_id in self.gave - set(self.anchored):
            return "waits: that individual gives encounters away"
        if (
            move.begun_by == move.encounter
            and move.before_id is not None
            and self.left.get(move.before_id, 0) <= 1
        ):
            return "is the last that its individual has left"
        return None

    def make(self, move: Named) -> None:
        """Remember a move."""
        self.moved.add(move.encounter)
        if move.encounter in self.rests_on:
            self.held.add(self.rests_on[move.encounter])
        if move.before_id is not None:
            self.gave.add(move.before_id)
            self.left[move.before_id] = self.left.get(move.before_id, 0) - 1
        if move.individual_id is not None:
            self.given.add(move.individual_id)


def _surest(move: Named) -> tuple[bool, float, int]:
    """Those that join a newcomer come after those that begin one."""
    return move.begun_by not in (None, move.encounter), -move.probability, move.encounter
