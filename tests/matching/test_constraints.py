from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.errors import DecisionError
from hanzaki.matching.constraints import Constraint, close
from tests.matching.partitions import allowed, every_partition

ITEMS = 5
constraints = st.lists(
    st.tuples(st.integers(0, ITEMS - 1), st.integers(0, ITEMS - 1), st.booleans()).filter(lambda c: c[0] != c[1]),
    max_size=7,
).map(lambda rules: [Constraint(*rule, name=f"decision {n}") for n, rule in enumerate(rules)])


@given(constraints)
def test_the_closure_is_what_all_allowed_partitions_share(rules: list[Constraint]):
    partitions = [labels for labels in every_partition(ITEMS) if allowed(labels, rules)]
    if not partitions:
        with pytest.raises(DecisionError, match="contradict"):
            close(ITEMS, rules)
        return
    closure = close(ITEMS, rules)
    together = np.all([labels[:, None] == labels for labels in partitions], axis=0)
    apart = ~np.any([labels[:, None] == labels for labels in partitions], axis=0)
    group = closure.group
    np.testing.assert_array_equal(together, group[:, None] == group)
    forbidden = np.zeros((group.max() + 1, group.max() + 1), bool)
    forbidden[tuple(closure.apart.T)] = True
    np.testing.assert_array_equal(apart, (forbidden | forbidden.T)[group[:, None], group])


def test_a_contradiction_names_the_decisions_it_needs_and_no_others():
    rules = [
        Constraint(0, 1, True, "decision 3"),
        Constraint(4, 5, True, "decision 4"),
        Constraint(1, 2, True, "decision 8"),
        Constraint(0, 2, False, "decision 11"),
    ]
    with pytest.raises(DecisionError, match="by decision 3, decision 8, and two by decision 11") as caught:
        close(6, rules)
    assert "decision 4" not in str(caught.value)


def test_doubted_decisions_can_contradict_each_other():
    doubted = [Constraint(0, 1, True, weight=2.0), Constraint(0, 1, False, weight=1.0)]
    assert close(2, doubted).group.tolist() == [0, 1]


def test_a_constraint_is_about_two_items_that_exist():
    with pytest.raises(ValueError, match="decision 1: item 3 is compared with itself"):
        Constraint(3, 3, True, "decision 1")
    with pytest.raises(ValueError, match="above zero"):
        Constraint(0, 1, True, weight=0.0)
    with pytest.raises(ValueError, match="items 0 to 2 only"):
        close(3, [Constraint(0, 3, True)])
