"""Which encounters can change their individual together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hanzaki.fieldwork.identity.batch import Named
from hanzaki.fieldwork.identity.moves import one_way


def move(encounter: int, source: int | None, target: int | None, probability: float = 0.99) -> Named:
    begun_by = encounter if target is None else None
    return Named(encounter, None, probability, begun_by, None, None, target, source)


def test_two_that_want_to_change_places_do_not_miss_each_other():
    made, waits = one_way([move(1, 10, 20, 0.99), move(2, 20, 10, 0.98)], {10: 1, 20: 1}, set())
    assert [each.encounter for each in made] == [1]
    assert "given other encounters" in waits[2]
    both, none = one_way([move(1, 10, 20), move(2, 20, 10)], {10: 2, 20: 2}, {10, 20})
    assert (len(both), none) == (2, {})


def test_no_move_rests_on_a_picture_that_moves():
    moves = [move(1, 10, None, 0.99), move(2, None, 10, 0.98), move(3, 10, None, 0.97)]
    made, waits = one_way(moves, {10: 5}, {10}, {2: 1})
    assert [each.encounter for each in made] == [1, 3]
    assert "looks like encounter 1" in waits[2]
    made, waits = one_way(moves, {10: 5}, {10}, {2: 3})
    assert [each.encounter for each in made] == [1, 2]
    assert "another looks like it" in waits[3]


def test_the_last_encounter_of_an_individual_does_not_leave_it_for_somebody_new():
    made, waits = one_way([move(1, 10, None, 0.99), move(2, 10, None, 0.98)], {10: 2}, set())
    assert [each.encounter for each in made] == [1]
    assert "the last" in waits[2]


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.one_of(st.none(), st.integers(1, 5)), st.floats(0.9, 1)), max_size=12
    ),
    st.sets(st.integers(1, 5), max_size=2),
)
def test_nobody_gives_and_is_given_in_one_batch(wanted, anchored):
    moves = [
        move(number, source, target, probability)
        for number, (source, target, probability) in enumerate(wanted)
        if source != target
    ]
    counts = {number: sum(each.before_id == number for each in moves) for number in range(1, 6)}
    made, waits = one_way(moves, counts, anchored)
    gave = {each.before_id for each in made} - anchored
    given_ = {each.individual_id for each in made} - anchored - {None}
    assert not gave & given_
    assert len(made) + len(waits) == len(moves)
