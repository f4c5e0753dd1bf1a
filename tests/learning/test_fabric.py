"""How a run is asked to stop. Signals go to a process of its own, whatever the tests' own has loaded by then."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_ASKED = """
import signal, sys
from hanzaki.learning.fabric import stopped_between_steps

numbers = [int(word) for word in sys.argv[1:]]
before = [signal.getsignal(number) for number in numbers]
try:
    with stopped_between_steps() as stopped:
        print("before", stopped())
        for number in numbers:
            signal.raise_signal(number)
            print("after", stopped())
except KeyboardInterrupt:
    print("interrupted")
assert [signal.getsignal(number) for number in numbers] == before
"""


def _told(*numbers: signal.Signals) -> list[str]:
    words = [str(int(number)) for number in numbers]
    done = subprocess.run([sys.executable, "-c", _ASKED, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_once_it_is_noted_and_heard_at_the_end(number):
    assert _told(number) == ["before False", "after True", "interrupted"]


def test_asked_twice_it_stops_at_once():
    assert _told(signal.SIGTERM, signal.SIGINT) == ["before False", "after True", "interrupted"]
