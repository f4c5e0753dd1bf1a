"""The rate's course, and its share for each part of the network."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hanzaki.learning.config import EmbedderConfig, OptimiserConfig, ScheduleConfig
from hanzaki.learning.network import EmbeddingNetwork
from hanzaki.learning.reading_config import read_config
from hanzaki.learning.schedule import freeze, learning_rate, parameter_groups

_schedules = st.builds(
    ScheduleConfig,
    epochs=st.integers(1, 60),
    warmup_epochs=st.floats(0.1, 30),
    start=st.floats(0, 1e-3),
    peak=st.floats(1e-3, 1),
    decay=st.sampled_from(["cosine", "exponential"]),
    factor=st.floats(0.1, 1),
)


def test_the_warm_up_of_the_miewid_recipe_reaches_its_peak_at_its_full_length():
    schedule = read_config("miewid", EmbedderConfig).schedule
    assert learning_rate(schedule, 0) == pytest.approx(1.5e-5)
    assert learning_rate(schedule, 7.5) == pytest.approx(
        (1.5e-5 + 1.5e-3) / 2
    )  # MiewID's code is at its peak here
    assert learning_rate(schedule, 15) == pytest.approx(1.5e-3)
    assert learning_rate(schedule, 16) == pytest.approx(0.8 * 1.5e-3)
    assert learning_rate(schedule, 30) == pytest.approx(0.8**15 * 1.5e-3)


@settings(deadline=None)
@given(_schedules, st.floats(0, 1), st.floats(0, 1))
def test_the_warm_up_rises_in_a_straight_line_from_start_to_peak(schedule, here, there):
    def rate(share: float) -> float:
        return learning_rate(schedule, share * schedule.warmup_epochs)

    assert rate(0) == schedule.start
    assert rate(1) == pytest.approx(schedule.peak)
    assert (rate(here) <= rate(there) + 1e-12) == (here <= there) or rate(here) == pytest.approx(rate(there))
    assert rate(here) == pytest.approx(schedule.start + here * (schedule.peak - schedule.start))


@settings(deadline=None)
@given(_schedules, st.floats(0, 40))
def test_an_exponential_decay_multiplies_by_its_factor_each_epoch(schedule, after):
    schedule = schedule.model_copy(update={"decay": "exponential"})
    moment = schedule.warmup_epochs + after
    assert learning_rate(schedule, moment + 1) == pytest.approx(schedule.factor * learning_rate(schedule, moment))


@settings(deadline=None)
@given(_schedules)
def test_a_cosine_falls_all_the_way_to_zero_at_the_last_epochs_end(schedule):
    schedule = schedule.model_copy(update={"decay": "cosine", "epochs": int(schedule.warmup_epochs) + 5})
    first, last = schedule.warmup_epochs, schedule.epochs
    rates = [learning_rate(schedule, first + (last - first) * step / 20) for step in range(21)]
    assert rates[0] == pytest.approx(schedule.peak)
    assert rates[10] == pytest.approx(schedule.peak / 2)
    assert rates[20] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)


@settings(deadline=None)
@given(_schedules, st.floats(0, 100))
def test_the_rate_is_never_negative_nor_above_its_peak(schedule, epoch):
    assert 0 <= learning_rate(schedule, epoch) <= schedule.peak * (1 + 1e-12)


def test_without_a_warm_up_it_begins_at_the_peak():
    for decay in ("cosine", "exponential"):
        assert learning_rate(ScheduleConfig(warmup_epochs=0, peak=0.5, decay=decay), 0) == 0.5


# ---- who moves how fast


@pytest.fixture
def network() -> EmbeddingNetwork:
    return EmbeddingNetwork("test_efficientnet")


def _scales(network: EmbeddingNetwork, loss: nn.Module, **options) -> dict[str, tuple[float, float]]:
    """The rate's factor and the weight decay of every parameter, by name."""
    groups = parameter_groups(network, loss, OptimiserConfig(**options))
    found = {id(one): (group["lr_scale"], group["weight_decay"]) for group in groups for one in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups)  # none twice
    named = [*network.named_parameters(), *((f"loss.{name}", one) for name, one in loss.named_parameters())]
    return {name: found[id(one)] for name, one in named if id(one) in found}


def test_everything_that_learns_is_moved_and_at_the_same_rate(network):
    scales = _scales(network, nn.Linear(3, 2))
    assert scales.keys() == {*dict(network.named_parameters()), "loss.weight", "loss.bias"}
    assert {scale for scale, _ in scales.values()} == {1.0}


def test_early_layers_move_less_with_layer_decay_and_the_head_does_not(network):
    scales = {name: scale for name, (scale, _) in _scales(network, nn.Linear(3, 2), layer_decay=0.5).items()}
    stem, first, last = (
        scales[f"backbone.{name}.weight"] for name in ("conv_stem", "blocks.0.0.conv", "blocks.4.0.conv_pw")
    )
    assert stem <= first < last < 1 or stem < first < last <= 1
    assert scales["bn.weight"] == scales["pooling.p"] == scales["loss.weight"] == 1


def test_biases_and_normalisations_are_not_decayed(network):
    decays = {name: decay for name, (_, decay) in _scales(network, nn.Linear(3, 2), weight_decay=0.1).items()}
    assert decays["backbone.conv_stem.weight"] == decays["loss.weight"] == 0.1
    assert decays["backbone.bn1.weight"] == decays["bn.weight"] == decays["bn.bias"] == decays["pooling.p"] == 0


def test_the_class_centres_have_a_factor_of_their_own(network):
    scales = _scales(network, nn.Linear(3, 2), classes_factor=10)
    assert scales["loss.weight"][0] == 10
    assert scales["bn.weight"][0] == 1


@pytest.mark.parametrize("stages", [1, 3, 99])
def test_frozen_stages_are_the_first_ones_and_nothing_moves_them(network, stages):
    stayed = freeze(network, stages)
    assert len(stayed) == min(stages, len(freeze(EmbeddingNetwork("test_efficientnet"), 99)))
    fixed = {name for name, one in network.named_parameters() if not one.requires_grad}
    assert "backbone.conv_stem.weight" in fixed
    order = [name for name, _ in network.backbone.named_parameters()]
    assert {f"backbone.{name}" for name in order[: len(fixed)]} == fixed
    assert not fixed & _scales(network, nn.Linear(3, 2)).keys()
    assert "bn.weight" not in fixed


def test_nothing_is_frozen_unless_said(network):
    assert freeze(network, 0) == []
    assert all(one.requires_grad for one in network.parameters())


def test_all_stages_together_are_the_whole_backbone(network):
    freeze(network, 99)
    assert not any(one.requires_grad for one in network.backbone.parameters())
    assert torch.is_grad_enabled()
