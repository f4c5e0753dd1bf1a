"""Wrong names, found in odds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from hanzaki.fieldwork.identity.suspicion import suspect
from hanzaki.matching.constraints import Constraint
from hanzaki.matching.odds import PairOdds
from tests.matching.partitions import planted


def both(count: int) -> np.ndarray:
    """No encounter shows a flank."""
    return np.ones((count, 2), bool)


def mistaken(seed: int = 0, count: int = 160) -> tuple[np.ndarray, list[str], PairOdds]:
    """Animals 0 to 3 have an encounter under a name of its own, 10 to 13 one under the next one's name."""
    truth, odds = planted(count, 5, neighbours=20, sharpness=5.0, seed=seed)
    names = [f"animal {who:02}" for who in truth]
    for who in range(4):
        names[np.flatnonzero(truth == who)[0]] = f"animal {who:02} again"
        names[np.flatnonzero(truth == 10 + 2 * who)[0]] = f"animal {11 + 2 * who:02}"
    return truth, names, odds


def test_wrong_names_are_found_and_few_others():
    _, names, odds = mistaken()
    found = suspect(odds, names, both(160), tolerated=0.1)
    again = {(f"animal {who:02}", f"animal {who:02} again") for who in range(4)}
    assert len(again & {merge.individuals for merge in found.ones}) >= 3
    shared = {f"animal {who}" for who in (11, 13, 15, 17)}
    assert len(shared & {split.individual for split in found.twos}) >= 3
    assert len(found.ones) + len(found.twos) <= 14  # those four under two names have more than one mate
    assert found.learnt_from > 20


@pytest.mark.parametrize("folds", [1, 3])
def test_a_catalogue_without_mistakes_gives_none(folds):
    truth, odds = planted(160, 5, neighbours=20, sharpness=6.0, seed=1)
    found = suspect(odds, [str(who) for who in truth], both(160), tolerated=0.1, folds=folds)
    assert len(found.ones) + len(found.twos) <= 1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_encounters_and_what_animals_are_called_do_not_matter(seed):
    _, names, odds = mistaken()
    order = np.random.default_rng(seed).permutation(odds.items)
    place = order.argsort()
    moved = PairOdds.listed(odds.items, *place[odds.pairs].T, odds.log_odds, odds.absent)
    found, again = (
        suspect(each, some, both(160), tolerated=0.5)
        for each, some in ((odds, names), (moved, [names[item] for item in order]))
    )
    assert [(merge.individuals, pytest.approx(merge.probability)) for merge in found.ones] == [
        (merge.individuals, merge.probability) for merge in again.ones
    ]
    parts = [{frozenset(part) for part in split.parts} for split in found.twos]
    assert parts == [{frozenset(order[list(part)].tolist()) for part in split.parts} for split in again.twos]


def flanked(comparable: bool) -> set[str]:
    """Who is suspected to be two, where five animals were also seen from the right, unlike any left flank."""
    truth, odds = planted(160, 5, neighbours=20, sharpness=6.0, seed=3)
    right = (truth < 5) & (np.arange(160) % 2 == 1)
    across = right[odds.pairs[:, 0]] != right[odds.pairs[:, 1]]
    own = PairOdds.listed(160, *odds.pairs[~across].T, odds.log_odds[~across], absent=-6.0)
    flanks = both(160) if comparable else np.stack([~right, right], axis=1)
    found = suspect(own, [str(who) for who in truth], flanks, wrong=0.1, tolerated=0.3)
    return {str(split.individual) for split in found.twos}


def test_flanks_that_cannot_be_compared_are_no_two_animals():
    assert len(flanked(comparable=True) & set("01234")) >= 3  # held against each other, they would be
    assert not flanked(comparable=False) & set("01234")


def test_only_individuals_who_were_compared_are_suspected_to_be_one():
    odds = PairOdds.listed(4, [0], [1], [9.0], absent=-1.0)
    found = suspect(odds, ["a", "b", "c", "c"], both(4), wrong=0.5, tolerated=0.9)
    assert {merge.individuals for merge in found.ones} <= {("a", "b")}


def test_what_people_said_lowers_the_probability_and_does_not_end_it():
    _, names, odds = mistaken()
    plain = suspect(odds, names, both(160), tolerated=0.9)
    merge = plain.ones[0]
    first, second = (names.index(str(name)) for name in merge.individuals)
    said = suspect(odds, names, both(160), [Constraint(first, second, False, weight=2.0)], tolerated=0.9)
    doubted = next(each for each in said.ones if each.individuals == merge.individuals)
    assert doubted.log_odds < merge.log_odds - 1
    assert doubted.probability > 0


def test_the_more_is_believed_wrong_the_more_is_suspected():
    _, names, odds = mistaken()
    few, many = (suspect(odds, names, both(160), wrong=wrong, tolerated=0.3) for wrong in (0.001, 0.2))
    assert len(few.ones) + len(few.twos) < len(many.ones) + len(many.twos)


def test_lists_are_in_order_and_keep_to_their_expected_false_alarms():
    _, names, odds = mistaken()
    found = suspect(odds, names, both(160), tolerated=0.4)
    for some in (found.ones, found.twos):
        probabilities = [each.probability for each in some]
        assert probabilities == sorted(probabilities, reverse=True)
        assert some[-1].false_alarms == pytest.approx(1 - np.mean(probabilities))
        assert some[-1].false_alarms <= 0.4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wrong": 0.0}, "share of wrong names"),
        ({"tolerated": 2.0}, "false alarms"),
        ({"flanks": both(3)}, "flanks"),
    ],
)
def test_what_makes_no_sense_is_refused(change, words):
    odds = PairOdds.listed(2, [0], [1], [1.0])
    with pytest.raises(ValueError, match=words):
        suspect(**{"odds": odds, "individuals": ["a", "b"], "flanks": both(2)} | change)
