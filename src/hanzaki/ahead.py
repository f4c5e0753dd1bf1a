"""Work done ahead of the one who needs it, in threads, and taken up in batches; never all in memory at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_STEPS_A_WORKER = 4


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, waiting: int | None = None
) -> Iterator[Result]:
    """``map(function, items)`` with threads: results in the order of the items, errors raised in their turn.

    A bounded number of results wait at any time, so that memory does not grow with the number of items.
    When the caller stops early, what was not begun is never done.

    Args:
        function: called in any of the threads; decoding and hashing release Python's lock, so threads do.
        items: read as they are needed.
        workers: number of threads.
        waiting: most results that wait; four a worker unless said. Who takes many at once wants as many ready.
    """
    pending: deque[Future[Result]] = deque()
    source = iter(items)
    executor = ThreadPoolExecutor(workers)
    try:
        pending.extend(
            executor.submit(function, item) for item in islice(source, waiting or workers * _STEPS_A_WORKER)
        )
        while pending:
            result = pending.popleft().result()
            pending.extend(executor.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of ``size``, the last one shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
