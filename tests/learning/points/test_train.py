from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.errors import SettingError
from hanzaki.learning.points.network import PatchNetwork, contrastive_loss
from hanzaki.learning.points.pairs import Pairs
from hanzaki.learning.points.train import PointsTraining, train_points
from tests.fixtures.same import assert_same

TRAINING = PointsTraining(steps=6, groups=1, save_every=2)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Soft blotches, and the same with noise."""
    rng = np.random.default_rng(0)
    patches = np.repeat(np.kron(rng.integers(0, 200, (80, 1, 4, 4)), np.ones((1, 1, 8, 8))), 2, axis=1)
    noisy = np.clip(patches + rng.normal(0, 20, patches.shape), 0, 255).astype(np.uint8)
    places = rng.uniform(-1, 1, (80, 2)).astype(np.float32)
    return Pairs(noisy, np.arange(80), np.zeros(80, np.intp), places)


def test_it_learns_to_tell_partners_from_strangers(pairs, tmp_path):
    records = []
    train_points(pairs, tmp_path, PointsTraining(steps=25, groups=1, save_every=1), report=records.append)
    assert records[-1]["loss"] < records[0]["loss"] / 2
    assert records[-1]["found"] > records[0]["found"]


def test_a_run_that_was_cut_off_comes_to_the_very_same_weights(pairs, tmp_path):
    whole = train_points(pairs, tmp_path / "whole", TRAINING).state_dict()

    class Cut(Exception):
        pass

    def progress(step: int, _: int) -> None:
        if step == 3:
            raise Cut

    with pytest.raises(Cut):
        train_points(pairs, tmp_path / "cut", TRAINING, progress=progress)
    assert_same(train_points(pairs, tmp_path / "cut", TRAINING).state_dict(), whole)
    assert (tmp_path / "cut" / "log.jsonl").read_text() == (tmp_path / "whole" / "log.jsonl").read_text()


def test_too_few_species_is_an_error(pairs, tmp_path):
    with pytest.raises(SettingError, match="2 species with 64 pairs are wanted; there are 1"):
        train_points(pairs, tmp_path, PointsTraining(groups=2))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.3, 1.5), st.floats(-40, 40))
def test_light_and_contrast_are_no_part_of_what_is_described(contrast, light):
    torch.manual_seed(0)
    network = PatchNetwork().eval()
    patch = 60 + 60 * torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        one, other = network(patch), network(contrast * patch + light)
    assert one.norm() == pytest.approx(1, abs=1e-5)
    assert float((one * other).sum()) > 0.999


def test_the_loss_is_that_of_a_softmax_over_likenesses():
    torch.manual_seed(0)
    one, other = (torch.nn.functional.normalize(torch.randn(5, 8), dim=1) for _ in range(2))
    loss, found = contrastive_loss(one, other, torch.arange(5), torch.zeros(5, 2), scale=7.0)
    alike = (7.0 * one @ other.T).double().exp()
    expected = -(alike.diagonal() ** 2 / (alike.sum(0) * alike.sum(1))).log().mean() / 2
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert float(found) == pytest.approx(float((alike.argmax(1) == torch.arange(5)).double().mean()))


def test_near_places_of_one_individual_are_no_strangers():
    same = torch.nn.functional.normalize(torch.ones(2, 4), dim=1)  # two points that cannot be told apart
    places = torch.tensor([[0.0, 0.0], [0.1, 0.0]])
    near, _ = contrastive_loss(same, same, torch.tensor([1, 1]), places)
    strangers, _ = contrastive_loss(same, same, torch.tensor([1, 2]), places)
    far, _ = contrastive_loss(same, same, torch.tensor([1, 1]), 10 * places)
    assert float(near) == pytest.approx(0, abs=1e-6)
    assert float(strangers) == float(far) == pytest.approx(np.log(2), rel=1e-5)
