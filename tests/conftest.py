from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import hanzaki
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue
from hanzaki.settings import settings
from hanzaki.virtual import write_photographs
from tests.fixtures.animals import TINY, write_animals
from tests.fixtures.models import write_model

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANZAKI_CATALOGUE", raising=False)
    monkeypatch.setenv("HANZAKI_WHO", "tester")
    settings.cache_clear()  # a wider fixture may have read them before


@pytest.fixture
def catalogue(tmp_path: Path) -> FieldCatalogue:
    """An empty catalogue."""
    with hanzaki.init(tmp_path / "river") as made:
        yield made


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model folder with random weights."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of 48 tiny pictures of eight animals."""
    return write_animals(tmp_path_factory.mktemp("animals"), individuals=8, photographs=6)


@pytest.fixture(scope="session")
def tiny_yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config of three epochs, of some seconds, as a file; it names no tables."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | {"schedule": {"epochs": 3, "warmup_epochs": 1}}))
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, animals: Path, tiny_yaml: Path) -> Path:
    """The folder of a run that ``hanzaki train embedder`` went through undisturbed."""
    run = tmp_path_factory.mktemp("trained") / "run"
    words = ["train", "embedder", tiny_yaml, run, "--table", animals]
    subprocess.run([sys.executable, "-m", "hanzaki", *map(str, words)], check=True, capture_output=True)
    return run


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual stream: six animals, two surveys, one newcomer; its truth in ``annotations.csv``."""
    folder = tmp_path_factory.mktemp("stream")
    write_photographs(folder, individuals=6, photographs=2, newcomers=1, size=(480, 360), seed=4)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Other people's photographs, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real photographs in {SHARED}")
    return SHARED
