from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanzaki.datasets.transfer import Transfer
from tests.fixtures.zenodo import Zenodo, serving


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Zenodo()) as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, without waiting them."""
    return []


@pytest.fixture
def transfer(waits: list[float]) -> Iterator[Transfer]:
    made = Transfer(wait=waits.append)
    yield made
    made.close()
