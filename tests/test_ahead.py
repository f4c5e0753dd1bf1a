from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.ahead import ahead, batches, beside


@given(st.lists(st.integers(), max_size=40), st.integers(1, 5))
def test_results_come_in_the_order_of_the_items(items: list[int], workers: int):
    assert list(ahead(lambda item: item + 1, items, workers)) == [item + 1 for item in items]


def test_no_more_is_read_than_a_bounded_number_ahead():
    taken = []

    def source():
        for item in range(1000):
            taken.append(item)
            yield item

    results = ahead(lambda item: item, source(), workers=2)
    for _ in range(10):
        next(results)
    assert len(taken) <= 10 + 2 * 4 + 1
    results.close()


@pytest.mark.parametrize(("waiting", "read"), [(None, 8), (1, 1), (30, 30)])
def test_who_takes_many_at_once_has_as_many_read_ahead(waiting, read):
    taken = []
    results = ahead(lambda item: item, (taken.append(item) or item for item in range(1000)), 2, waiting)
    next(results)
    assert len(taken) == read + 1  # one more as soon as one was taken
    next(results)
    assert len(taken) == read + 2
    results.close()


@given(st.lists(st.integers(), max_size=40), st.integers(1, 5), st.integers(1, 50))
def test_the_order_is_the_same_however_many_wait(items: list[int], workers: int, waiting: int):
    assert list(ahead(lambda item: item + 1, items, workers, waiting)) == [item + 1 for item in items]


def test_an_error_comes_in_its_turn():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results = ahead(work, range(10), workers=2)
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_what_was_not_begun_is_never_done_when_the_caller_stops():
    done, lock = [], threading.Lock()

    def work(item: int) -> int:
        time.sleep(0.005)
        with lock:
            done.append(item)
        return item

    results = ahead(work, range(500), workers=2)
    next(results)
    results.close()
    assert len(done) < 30


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_hold_everything_in_order(items: list[int], size: int):
    made = list(batches(items, size))
    assert [item for batch in made for item in batch] == items
    assert all(len(batch) == size for batch in made[:-1])


def test_a_source_is_taken_from_by_a_thread_of_its_own():
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    found = beside(source(), waiting=3)
    assert next(found) == 0
    deadline = time.monotonic() + 5
    while len(taken) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(taken) >= 4  # ahead of the caller, though not far
    assert len(taken) <= 6
    assert list(found) == list(range(1, 20))


def test_an_error_of_the_source_comes_in_its_turn():
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    found = beside(source(), waiting=3)
    assert next(found) == 1
    with pytest.raises(ValueError, match="no more"):
        next(found)


def test_a_source_is_closed_when_the_caller_stops_early():
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    found = beside(source(), waiting=2)
    assert next(found) == 0
    found.close()
    assert closed.wait(5)
