"""The losses are what their papers say, beside pytorch-metric-learning, and finite where MiewID's are not."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as oracle
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer

from hanzaki.errors import SettingError
from hanzaki.learning.losses import (
    ArcFace,
    BatchHardTriplet,
    Softmax,
    SubCentreArcFace,
    dynamic_margins,
    make_loss,
)

NAMES = ["subcentre_arcface", "arcface", "softmax", "triplet"]


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


# ---- margins


def test_rarer_classes_get_the_larger_margin_between_the_two_bounds():
    margins = dynamic_margins([1, 16, 81, 10_000], margin=0.5, smallest=0.2)
    expected = [(n**-0.25 - 0.1) / 0.9 * 0.3 + 0.2 for n in (1, 16, 81, 10_000)]
    assert margins.tolist() == pytest.approx(expected)
    assert margins[0] == pytest.approx(0.5)
    assert margins[-1] == pytest.approx(0.2)


@given(count=st.integers(1, 10**6), classes=st.integers(1, 50), margin=st.floats(0.2, 1.5))
def test_equal_counts_give_every_class_the_same_margin(count, classes, margin):
    assert dynamic_margins([count] * classes, margin).tolist() == pytest.approx([margin] * classes)


@given(counts=st.lists(st.integers(1, 10**7), min_size=1, max_size=30))
def test_margins_are_finite_within_bounds_and_fall_with_the_count(counts):
    margins = dynamic_margins(counts)
    assert margins.isfinite().all()
    assert ((margins >= 0.2 - 1e-6) & (margins <= 0.5 + 1e-6)).all()
    by_count = margins[torch.tensor(counts).argsort()]
    assert (by_count.diff() <= 1e-6).all()


@pytest.mark.parametrize(
    ("counts", "bounds"),
    [([], {}), ([3, 0], {}), ([3], {"margin": 0.1}), ([3], {"margin": 4.0}), ([3], {"smallest": -1})],
)
def test_margins_that_make_no_sense_are_refused(counts, bounds):
    with pytest.raises(SettingError):
        dynamic_margins(counts, **bounds)


# ---- the oracle


def _beside_oracle(embeddings, labels, classes, margin, scale, tolerance):
    embeddings = embeddings.clone().requires_grad_()
    ours = ArcFace(embeddings.shape[1], classes, margin, scale).to(embeddings.dtype)
    ours.margins.fill_(margin)
    theirs = oracle.ArcFaceLoss(classes, embeddings.shape[1], margin=math.degrees(margin), scale=scale)
    theirs.W.data = ours.weight.detach().T.clone()
    twin = embeddings.detach().clone().requires_grad_()
    here, there = ours(embeddings, labels), theirs(twin, labels)
    here.backward()
    there.backward()
    torch.testing.assert_close(here, there, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(embeddings.grad, twin.grad, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ours.weight.grad, theirs.W.grad.T, rtol=tolerance, atol=tolerance)


def test_one_centre_and_equal_margins_are_pytorch_metric_learnings_arcface():
    embeddings, labels = torch.randn(16, 24), torch.randint(0, 7, (16,))
    _beside_oracle(embeddings, labels, 7, 0.5, 51.5, 1e-5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), images=st.integers(1, 20), size=st.integers(2, 40), classes=st.integers(2, 15),
    margin=st.floats(0.01, 1.5), scale=st.floats(1, 80),
)  # fmt: skip
def test_they_agree_whatever_the_shapes(seed, images, size, classes, margin, scale):
    torch.manual_seed(seed)
    embeddings = torch.randn(images, size, dtype=torch.float64)
    labels = torch.randint(0, classes, (images,))
    _beside_oracle(embeddings, labels, classes, margin, scale, 1e-5)


@settings(max_examples=60, deadline=None)
@given(margin=st.floats(0.05, 1.5), angle=st.floats(0.01, math.pi - 0.01))
def test_they_agree_at_every_angle_also_beyond_pi(margin, angle):
    assume(abs(angle + margin - math.pi) > 1e-4)  # the step itself falls to either side by rounding
    embeddings = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    ours = ArcFace(2, 2, margin, 10.0).double()
    ours.weight.data = torch.eye(2, dtype=torch.float64)
    theirs = oracle.ArcFaceLoss(2, 2, margin=math.degrees(margin), scale=10.0)
    theirs.W.data = torch.eye(2, dtype=torch.float64)
    label = torch.tensor([0])
    torch.testing.assert_close(ours(embeddings, label), theirs(embeddings, label), rtol=1e-5, atol=1e-5)


def test_beyond_pi_being_further_off_still_costs_more():
    head = SubCentreArcFace(2, [0.5, 0.5], centres=1, scale=4.0)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    angles = torch.linspace(0.01, math.pi - 0.001, 200)
    with torch.inference_mode():
        values = [float(head(torch.tensor([[a.cos(), a.sin()]]), torch.tensor([0]))) for a in angles]
    assert all(later > earlier for earlier, later in pairwise(values))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), images=st.integers(4, 20), classes=st.integers(2, 5))
def test_the_triplet_loss_is_pytorch_metric_learnings_batch_hard(seed, images, classes):
    torch.manual_seed(seed)
    labels = torch.arange(images) % classes
    assume(int(labels.bincount().min()) > 1)
    here = torch.randn(images, 8).requires_grad_()
    there = here.detach().clone().requires_grad_()
    ours = BatchHardTriplet(0.3)(here, labels)
    loss = oracle.TripletMarginLoss(margin=0.3, reducer=MeanReducer())
    theirs = loss(there, labels, BatchHardMiner()(there.detach(), labels))
    ours.backward()
    theirs.backward()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(here.grad, there.grad, rtol=1e-4, atol=1e-5)


def test_softmax_is_cross_entropy_of_a_linear_layer():
    head, embeddings, labels = Softmax(6, 4), torch.randn(5, 6), torch.tensor([0, 3, 1, 2, 0])
    expected = torch.nn.CrossEntropyLoss()(embeddings @ head.linear.weight.T + head.linear.bias, labels)
    assert torch.allclose(head(embeddings, labels), expected)


# ---- centres


def test_the_nearest_centre_of_a_class_counts():
    head = SubCentreArcFace(2, [0.0, 0.0], centres=2)
    head.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    assert head.cosines(torch.tensor([[-5.0, 0.0], [3.0, 3.0]])).tolist() == [
        pytest.approx([1, 0]),
        pytest.approx([math.sqrt(0.5)] * 2),
    ]


def test_each_class_is_held_back_by_its_own_margin():
    head = SubCentreArcFace(2, [0.2, 0.5], centres=1, scale=1.0)
    head.weight.data = torch.eye(2)
    middle = torch.tensor([[1.0, 1.0]])
    for label, margin in ((0, 0.2), (1, 0.5)):
        gap = math.cos(math.pi / 4) - math.cos(math.pi / 4 + margin)
        assert head(middle, torch.tensor([label])).item() == pytest.approx(math.log1p(math.exp(gap)), rel=1e-5)


# ---- finite


def _finite(loss: torch.nn.Module, embeddings: torch.Tensor, labels: torch.Tensor) -> None:
    embeddings = embeddings.detach().requires_grad_()
    value = loss(embeddings, labels)
    value.backward()
    assert value.isfinite()
    assert embeddings.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in loss.parameters())


@pytest.mark.parametrize("centres", [1, 3])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_arcface_is_finite_at_cosines_of_exactly_one_and_minus_one(centres, sign, dtype):
    head = SubCentreArcFace(4, [0.5, 0.5, 0.2], centres)
    head.weight.data = torch.eye(4)[:3].repeat_interleave(centres, 0)
    embeddings = (sign * 2 * torch.eye(4)[:3]).to(dtype)
    assert head.cosines(embeddings).diagonal().tolist() == [sign] * 3
    _finite(head, embeddings, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_every_loss_is_finite_in_half_precision_and_equal_counts(name, dtype, size):
    loss = make_loss(name, 32, [5] * 6)
    embeddings, labels = size * torch.randn(12, 32), torch.arange(12) % 6
    with torch.autocast("cpu", dtype):
        _finite(loss, embeddings, labels)
        _finite(loss, embeddings.to(dtype), labels)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_costs_no_precision(name):
    loss = make_loss(name, 32, [5, 7, 9, 11])
    embeddings, labels = torch.randn(12, 32), torch.arange(12) % 4
    with torch.autocast("cpu", torch.bfloat16):
        half = loss(embeddings, labels)
    assert half.dtype == torch.float32
    assert torch.equal(half, loss(embeddings, labels))


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_is_finite_for_equal_and_for_zero_embeddings(name):
    loss = make_loss(name, 8, [3, 3])
    _finite(loss, torch.ones(4, 8), torch.tensor([0, 0, 1, 1]))
    _finite(loss, torch.zeros(4, 8), torch.tensor([0, 0, 1, 1]))


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [1, 1, 1, 1], [0]])
def test_a_batch_without_triplets_gives_zero_and_no_gradient(labels):
    embeddings = torch.randn(len(labels), 8).requires_grad_()
    value = BatchHardTriplet()(embeddings, torch.tensor(labels))
    value.backward()
    assert value.item() == 0
    assert not embeddings.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_teaches(name):
    """A few steps on separable points bring it well down."""
    labels = torch.arange(24) % 4
    points = torch.eye(4).repeat(6, 2) + 0.3 * torch.randn(24, 8)
    layer, loss = torch.nn.Linear(8, 8), make_loss(name, 8, [6] * 4)
    optimiser = torch.optim.Adam([*layer.parameters(), *loss.parameters()], lr=0.03)
    values = []
    for _ in range(80):
        optimiser.zero_grad()
        value = loss(layer(points), labels)
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


# ---- by name


def test_the_papers_loss_is_made_by_name():
    loss = make_loss("subcentre_arcface", 16, [4, 9, 100], centres=2, scale=49.3, margin=0.33)
    assert loss.weight.shape == (6, 16)
    assert loss.scale == 49.3
    assert loss.margins.tolist() == pytest.approx(dynamic_margins([4, 9, 100], 0.33).tolist())


def test_a_loss_or_option_that_is_unknown_is_named():
    with pytest.raises(SettingError, match="'cosface'; there are subcentre_arcface, arcface, softmax and triplet"):
        make_loss("cosface", 16, [4])
    with pytest.raises(SettingError, match="triplet does not take these options: .*scale"):
        make_loss("triplet", 16, [4], scale=3)
