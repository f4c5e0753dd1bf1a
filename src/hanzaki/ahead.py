"""Work done ahead of the one who needs it, in threads, and taken up in batches; never all in memory at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_STEPS_A_WORKER = 4
_PATIENCE = 0.1  # seconds after which who fills a full queue looks whether it is still wanted


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


def beside(items: Iterable[Item], waiting: int) -> Iterator[Item]:
    """The items, taken from their source by a thread of its own while the caller works on earlier ones.

    For a source that several threads cannot ask, as a video's frames. When the caller stops early, the source is
    closed. Errors of the source are raised in their turn. No item is None.

    Args:
        items: the source.
        waiting: most items that wait.
    """
    conveyor = _Conveyor(items, waiting)
    thread = Thread(target=conveyor.fill, daemon=True)
    thread.start()
    try:
        while (item := conveyor.taken.get()) is not None:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        conveyor.stopped.set()
        thread.join()


class _Failed:
    """What a source raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Conveyor(Generic[Item]):
    """Items on their way from a source to another thread; None says that there are no more."""

    def __init__(self, items: Iterable[Item], waiting: int) -> None:
        self.taken: Queue[Item | _Failed | None] = Queue(waiting)
        self.stopped = Event()
        self._source = iter(items)

    def fill(self) -> None:
        """Put all items on, as there is room, until they end or are no longer wanted."""
        try:
            for item in self._source:
                if not self._put(item):
                    return
            self._put(None)
        except BaseException as error:  # to be raised where the items are wanted
            self._put(_Failed(error))
        finally:
            if isinstance(self._source, Generator):
                self._source.close()

    def _put(self, item: Item | _Failed | None) -> bool:
        while not self.stopped.is_set():
            try:
                self.taken.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False
