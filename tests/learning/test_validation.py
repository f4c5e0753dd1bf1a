"""Animals kept aside are asked about as ``hanzaki evaluate`` asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import hanzaki
from hanzaki.errors import SettingError
from hanzaki.exchange.identity_csv import read_identity_csv
from hanzaki.learning.validation import Validation
from hanzaki.learning.weights import read_network
from hanzaki.vision.model import load_model
from tests.fixtures.animals import write_animals

CPU = torch.device("cpu")


class _Colour(nn.Module):
    """Mean colours: animals of one colour are one."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((-2, -1))


@pytest.fixture
def look(model_folder):
    return load_model(model_folder).config


def _rewritten(table: Path, old: str, new: str) -> Path:
    table.write_text(table.read_text().replace(old, new))
    return table


def test_it_measures_what_hanzaki_evaluate_measures_of_the_model(trained, tmp_path):
    table = write_animals(tmp_path, 12, 3, sides=("left", "left", "right"), first=30)
    network, look = read_network(trained / "model")
    found = Validation([read_identity_csv(table)], look, 10).measure(network, CPU)
    expected = hanzaki.evaluate(table, model=trained / "model").measures
    assert found.keys() == expected.keys()
    assert found == {name: pytest.approx(triple[0], abs=1e-6) for name, triple in expected.items()}


def test_nobody_is_asked_about_who_was_seen_once_from_a_side(look, tmp_path):
    table = read_identity_csv(write_animals(tmp_path, 4, 2, sides=("left", "right")))
    with pytest.raises(SettingError, match=r"seen twice from one side: set data\.validation higher, or to 0"):
        Validation([table], look, 10).measure(_Colour(), CPU)


def test_animals_of_the_same_name_in_two_species_are_two(look, tmp_path):
    one = write_animals(tmp_path / "a", 3, 2, species="a")
    other = write_animals(tmp_path / "b", 3, 2, species="b", first=10)
    for animal in range(3):
        _rewritten(other, f"animal 1{animal}", f"animal {animal}")
    both = Validation([read_identity_csv(one), read_identity_csv(other)], look, 10)
    assert both.measure(_Colour(), CPU)["top1"] == 1.0
    assert both.measure(_Colour(), CPU)["map"] == 1.0  # were they one, half of the matches would be far away


def test_a_species_of_which_nobody_is_kept_aside_is_no_trouble(look, tmp_path):
    full = read_identity_csv(write_animals(tmp_path, 3, 2))
    (tmp_path / "empty.csv").write_text("path,identity\n")
    empty = read_identity_csv(tmp_path / "empty.csv")
    assert Validation([empty, full], look, 10).measure(_Colour(), CPU)["top1"] == 1.0


def test_a_picture_that_cannot_be_read_is_left_out_and_noted(look, tmp_path):
    table = write_animals(tmp_path, 3, 3)
    (tmp_path / "1_0.png").write_bytes(b"nothing")
    validation = Validation([read_identity_csv(table)], look, 10)
    for _ in range(2):
        assert validation.measure(_Colour(), CPU)["top1"] == 1.0
    assert [bad.path.name for bad in validation.pictures.bad.values()] == ["1_0.png"]
