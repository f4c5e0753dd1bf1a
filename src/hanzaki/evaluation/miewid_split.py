"""The MiewID paper's split (section 3.3, Data Splitting): half of the individuals tested are not learnt from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from hanzaki.annotations import AnnotationRow
from hanzaki.errors import SettingError
from hanzaki.evaluation.encounters import Encounter, Individual, encounter_of, individual_of
from hanzaki.evaluation.lots import lot, shuffled
from hanzaki.evaluation.placing import SIDE_UNSEEN, TEST, TRAIN

#: The paper's filters, for each side of an individual.
LEAST_TRAIN, LEAST_TEST, MOST_TEST = 3, 2, 10

FEW_TRAIN = f"fewer than {LEAST_TRAIN} of a side to learn from"
FEW_TEST = f"fewer than {LEAST_TEST} encounters of a side to test with"
MANY_TEST = f"more than {MOST_TEST} encounters of a side to test with"
SAME_ENCOUNTER = "another of its encounter is tested"

#: Individuals to test with: fifty, but no less than a fifth and no more than two thirds of a species' individuals.
_TESTED = 50
_LEAST_SHARE, _MOST_SHARE = 0.2, 2 / 3


def place_miewid(rows: Sequence[AnnotationRow], seed: int, test: float | None = None) -> list[str]:
    """Where each row goes: ``train``, ``test``, or the reason why to neither.

    Each species is a data set of its own, whose size decides what share of its individuals is tested (the paper
    says that small sets train on a smaller share, without figures; ours stand above). Half of those tested keep
    all their encounters for the test; the others give up half of theirs, 2 to 10, and are learnt from with the
    rest.
    Then the paper's filters, for each side, which is an individual of its own there (section 3.2): at least 3 to
    train, 2 to 10 to test, one annotation an encounter.

    Where the paper leaves a choice, the stricter is taken: an encounter is never on both sides; the one annotation
    of an encounter is picked before the 2 to 10 are counted, since counted the other way round some would be left
    alone and have nothing to be matched with; all sides of an individual are learnt or unseen together.

    Args:
        rows: of known individuals, none twice.
        seed: of all that is drawn.
        test: share of the individuals that are tested; by default as the data's size has it.

    Raises:
        SettingError: if no species has one individual to test as known and one as unseen.
    """
    of_species: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        of_species[row.species or ""].append(position)
    places: dict[int, str] = {}
    for members in of_species.values():
        places.update(_place_species({position: rows[position] for position in members}, seed, test))
    if TEST not in places.values():
        raise SettingError(
            "the protocol miewid needs individuals with many encounters: one with 2 to be unseen, and another with"
            f" 2 beside {LEAST_TRAIN} photographs to learn from, of one side each; the table has none such: try"
            " the protocol individual"
        )
    return [places[position] for position in range(len(rows))]


def _place_species(rows: dict[int, AnnotationRow], seed: int, test: float | None) -> dict[int, str]:
    own: dict[Individual, dict[int, AnnotationRow]] = defaultdict(dict)
    for position, row in rows.items():
        own[individual_of(row)][position] = row
    halved = {who: _reserved(mine, seed) for who, mine in own.items()}
    seen, unseen = _tested(own, halved, seed, test)
    places: dict[int, str] = {}
    for who, mine in own.items():
        if who in unseen:
            tested, trained = mine, {}
        elif who in seen:
            tested = {position: row for position, row in mine.items() if encounter_of(row) in halved[who]}
            trained = {position: row for position, row in mine.items() if position not in tested}
        else:
            tested, trained = {}, mine
        places.update(_filtered_train(trained))
        learnt = {row.orientation for position, row in trained.items() if places[position] == TRAIN}
        places.update(_filtered_test(tested, seed, learnt if who in seen else None))
    return places


def _tested(
    own: dict[Individual, dict[int, AnnotationRow]],
    halved: dict[Individual, set[Encounter]],
    seed: int,
    test: float | None,
) -> tuple[set[Individual], set[Individual]]:
    """As many individuals to test as known as there are to test as unseen, all of whom pass the filters."""
    share = test or min(_MOST_SHARE, max(_LEAST_SHARE, _TESTED / len(own)))
    order = [(name[0], name[1]) for name in shuffled(own, seed, TEST)]
    may_be_seen = [who for who in order if _passes(own[who], halved[who])]
    may_be_unseen = [who for who in order if _most_encounters(own[who]) >= LEAST_TEST]
    for count in range(max(1, round(share * len(own) / 2)), 0, -1):
        unseen = set(may_be_unseen[:count])
        seen = [who for who in may_be_seen if who not in unseen][:count]
        if len(unseen) == len(seen) == count:
            return set(seen), unseen
    return set(), set()


def _reserved(mine: dict[int, AnnotationRow], seed: int) -> set[Encounter]:
    """The encounters that an individual gives up for the test if it is learnt from: half of them, 2 to 10."""
    encounters = shuffled(map(encounter_of, mine.values()), seed, "reserved")
    return set(encounters[: min(MOST_TEST, max(LEAST_TEST, len(encounters) // 2))])


def _passes(mine: dict[int, AnnotationRow], reserved: set[Encounter]) -> bool:
    """Whether any side has enough on both sides of the split."""
    trained = Counter(row.orientation for row in mine.values() if encounter_of(row) not in reserved)
    tested = _encounters_of_sides({at: row for at, row in mine.items() if encounter_of(row) in reserved})
    return any(trained[side] >= LEAST_TRAIN and len(found) >= LEAST_TEST for side, found in tested.items())


def _most_encounters(mine: dict[int, AnnotationRow]) -> int:
    return max(map(len, _encounters_of_sides(mine).values()))


def _encounters_of_sides(rows: dict[int, AnnotationRow]) -> dict[str | None, dict[Encounter, list[int]]]:
    sides: dict[str | None, dict[Encounter, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, row in rows.items():
        sides[row.orientation][encounter_of(row)].append(position)
    return sides


def _filtered_train(rows: dict[int, AnnotationRow]) -> dict[int, str]:
    counts = Counter(row.orientation for row in rows.values())
    return {at: TRAIN if counts[row.orientation] >= LEAST_TRAIN else FEW_TRAIN for at, row in rows.items()}


def _filtered_test(rows: dict[int, AnnotationRow], seed: int, learnt: set[str | None] | None) -> dict[int, str]:
    """One annotation of each encounter of a side, of 2 to 10 encounters; ``learnt`` are the sides it may have."""
    places: dict[int, str] = {}
    for side, encounters in _encounters_of_sides(rows).items():
        order = [tuple(encounter) for encounter in shuffled(encounters, seed, f"side {side}")]
        for number, encounter in enumerate(order):
            picked, *others = sorted(
                encounters[encounter], key=lambda at: lot(seed, "picked", (rows[at].path, str(rows[at].bbox)))
            )
            if learnt is not None and side not in learnt:
                reason = SIDE_UNSEEN
            elif len(order) < LEAST_TEST:
                reason = FEW_TEST
            else:
                reason = TEST if number < MOST_TEST else MANY_TEST
            places[picked] = reason
            places.update(dict.fromkeys(others, SAME_ENCOUNTER if reason == TEST else reason))
    return places
