"""A function run in a process of its own, with the time and memory that it took."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from hanzaki.evaluation.protocols import peak_mb


@dataclass(frozen=True)
class Taken:
    """What a function took: seconds, its process's peak memory in MB, and what it returned."""

    seconds: float
    peak_mb: float
    value: Any


def run_apart(function: Callable[..., Any], *arguments: Any) -> Taken:
    """Run a function in a fresh process, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_measured, args=(there, function, arguments))
    process.start()
    there.close()
    taken: Taken = here.recv()
    process.join()
    return taken


def _measured(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    value = function(*arguments)
    seconds = time.perf_counter() - started
    pipe.send(Taken(seconds, peak_mb(), value))
