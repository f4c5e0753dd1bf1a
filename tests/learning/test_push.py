"""``push``: a model folder lies on the hub as it is here, and whoever pulls it gets the same vectors."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import numpy as np
import pytest
import torch
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
from typer.testing import CliRunner

from hanzaki.cli.models import app
from hanzaki.errors import ModelError
from hanzaki.learning.card import Card
from hanzaki.learning.foreign import Preprocessing
from hanzaki.learning.network import EmbeddingNetwork
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.pull import pull
from hanzaki.learning.push import push
from hanzaki.learning.weights import read_network
from hanzaki.vision.embedder import Embedder
from hanzaki.vision.model import ModelConfig, load_model
from tests.fixtures.models import write_model
from tests.learning.hub import Hub, serving

# huggingface_hub's own, of how it hands files to its HTTP library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME = "river/spots"
PICTURES = [np.random.default_rng(seed).integers(0, 255, (90, 120, 3), np.uint8) for seed in range(2)]


@pytest.fixture(scope="module")
def spots(tmp_path_factory) -> Path:
    """A tiny model folder with random weights, kept in 16 bits."""
    torch.set_num_threads(1)
    torch.manual_seed(7)
    network = EmbeddingNetwork("test_efficientnet").eval()
    config = ModelConfig(
        task="embed", name="spots", architecture="test_efficientnet", input_size=(64, 64), mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2), embedding_size=network.embedding_size, licence="mit",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "spots"
    write_model_folder(folder, network, config, Card("Spots."), pictures=PICTURES, half=True)
    (folder / "training.yaml").write_text("seed: 7\n")
    (folder / ".cache").write_text("no business of others")
    return folder


@pytest.fixture(autouse=True)
def _as_river(monkeypatch, tmp_path) -> Iterator[None]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)  # the hub here does not speak it
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", "hf_river")
    disable_progress_bars()
    yield
    enable_progress_bars()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as made:
        made.tokens = {"hf_river": "river"}
        yield made


def vectors(folder: Path) -> np.ndarray:
    embedder = Embedder(load_model(folder), "onnxruntime")
    return np.stack(embedder.describe([embedder.prepare(picture) for picture in PICTURES]))


def fetch(hub: Hub, folder: Path, **other: object) -> ModelConfig:
    arguments = {"accept_licence": lambda _: True, "endpoint": hub.endpoint} | other
    return pull(NAME, folder, **arguments)


# ---- there and back


def test_who_pulls_what_was_pushed_gets_the_same_vectors(hub, spots, tmp_path):
    pushed = push(spots, NAME, endpoint=hub.endpoint)
    asked: list[str] = []
    config = fetch(hub, tmp_path / "again", accept_licence=lambda text: not asked.append(text), pictures=PICTURES)
    assert config == load_model(spots).config
    assert load_model(tmp_path / "again").fingerprint == load_model(spots).fingerprint
    assert np.array_equal(vectors(tmp_path / "again"), vectors(spots))
    assert "come under the licence mit" in asked[0]
    assert pushed.commit in asked[0]
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_what_was_pushed_can_be_trained_on(hub, spots, tmp_path):
    push(spots, NAME, endpoint=hub.endpoint)
    fetch(hub, tmp_path / "again")
    ours, theirs = read_network(spots)[0].state_dict(), read_network(tmp_path / "again")[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_one_commit_holds_all_files_but_hidden_ones(hub, spots):
    pushed = push(spots, NAME, message="First of all", endpoint=hub.endpoint)
    assert pushed.address == f"{hub.endpoint}/{NAME}"
    (commit,) = hub.pushed
    assert (commit.message, commit.sha, commit.branch) == ("First of all", pushed.commit, "main")
    wanted = {"README.md", "config.json", "model.onnx", "model.safetensors", "training.yaml"}
    assert set(commit.files) - {".gitattributes"} == wanted
    assert all(commit.files[name] == (spots / name).read_bytes() for name in wanted)


def test_pushing_again_sends_only_what_changed(hub, spots, tmp_path):
    folder = shutil.copytree(spots, tmp_path / "m")
    first = push(folder, NAME, endpoint=hub.endpoint)
    assert push(folder, NAME, endpoint=hub.endpoint).commit == first.commit
    hub.requests.clear()
    (folder / "training.yaml").write_text("seed: 8\n")
    second = push(folder, NAME, endpoint=hub.endpoint)
    assert second.commit != first.commit
    assert "PUT" not in {method for method, *_ in hub.requests}


def test_a_branch_is_made_and_main_stays_as_it_was(hub, spots, tmp_path):
    push(spots, NAME, endpoint=hub.endpoint)
    other = shutil.copytree(spots, tmp_path / "m")
    (other / "training.yaml").write_text("seed: 9\n")
    for _ in range(2):
        pushed = push(other, NAME, revision="v2", endpoint=hub.endpoint)
    fetch(hub, tmp_path / "new", revision="v2")
    fetch(hub, tmp_path / "old")
    fetch(hub, tmp_path / "exact", revision=pushed.commit)
    said = [(tmp_path / name / "training.yaml").read_text() for name in ("new", "old", "exact")]
    assert said == ["seed: 9\n", "seed: 7\n", "seed: 9\n"]


def test_private_is_private_or_nothing_is_sent(hub, spots):
    push(spots, "river/secret", private=True, endpoint=hub.endpoint)
    assert hub.private == {"river/secret"}
    push(spots, "river/secret", private=True, endpoint=hub.endpoint)
    push(spots, NAME, endpoint=hub.endpoint)
    hub.pushed.clear()
    with pytest.raises(ModelError, match="is there already, for all to see"):
        push(spots, NAME, private=True, endpoint=hub.endpoint)
    assert hub.pushed == []


# ---- what is not pushed


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("config.json", '"licence": "mit"', '"licence": "unknown"', r"write it in .*config\.json .*README\.md"),
        ("config.json", '"licence": "mit"', '"licence": "Lumi 2"', r"README\.md says .*mit, .*`license: other, l"),
        ("README.md", "license: mit", "license: unknown", r"README\.md says the licence is unknown, .* says mit"),
        ("config.json", '"task": "embed"', '"task": "sing"', r"config\.json: task"),
    ],
)
def test_a_model_that_nobody_may_use_is_refused_unsent(file, old, new, message, hub, spots, tmp_path):
    folder = shutil.copytree(spots, tmp_path / "m")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(ModelError, match=message):
        push(folder, NAME, endpoint=hub.endpoint)
    assert hub.requests == []


def test_a_folder_without_a_card_or_that_is_none_is_refused(hub, tmp_path):
    with pytest.raises(ModelError, match=r"has no README\.md: say what the model is"):
        push(write_model(tmp_path / "m", licence="mit"), NAME, endpoint=hub.endpoint)
    with pytest.raises(ModelError, match="is not a model folder"):
        push(tmp_path, NAME, endpoint=hub.endpoint)
    assert hub.requests == []


# ---- what the hub does not take


@pytest.mark.parametrize(
    ("token", "repo", "message"),
    [
        (None, NAME, "wants to know who you are: run `hf auth login`, or set HF_TOKEN"),
        ("hf_wrong", NAME, "does not know your token; run `hf auth login`"),
        ("hf_river", "lake/spots", "may not write .*403, You don't .* under lake.*; take one that may"),
        ("hf_river", "spots", "write OWNER/NAME"),
        ("hf_river", "river/spots!", "cannot be a repository's name"),
    ],
)
def test_why_the_hub_does_not_take_it_is_said(token, repo, message, hub, spots, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelError, match=message):
        push(spots, repo, endpoint=hub.endpoint)
    assert hub.pushed == []


def test_a_card_that_the_hub_does_not_read_is_said(hub, spots, tmp_path, monkeypatch):
    folder = shutil.copytree(spots, tmp_path / "m")
    card = (folder / "README.md").read_text()
    (folder / "README.md").write_text(card.replace("license: mit", "license: mit\nold: 'license: no-such'"))
    with pytest.raises(ModelError, match='header of its card: .*"license" must be one of'):
        push(folder, NAME, endpoint=hub.endpoint)


def test_a_hub_that_cannot_be_reached_or_breaks_is_said(hub, spots):
    hub.broken = True
    with pytest.raises(ModelError, match="was not pushed: the hub answers 400, Broken; run it again to go on"):
        push(spots, NAME, endpoint=hub.endpoint)
    hub.broken = False
    push(spots, NAME, endpoint=hub.endpoint)
    with serving() as gone:
        pass
    with pytest.raises(ModelError, match="was not pushed: .*refused.*run it again"):
        push(spots, NAME, endpoint=gone.endpoint)


# ---- what is pulled of ours


def test_a_pull_of_ours_asks_first_and_wants_it_whole(hub, spots, tmp_path):
    push(spots, NAME, endpoint=hub.endpoint)
    hub.requests.clear()
    with pytest.raises(ModelError, match="its licence was not accepted"):
        fetch(hub, tmp_path / "m", accept_licence=lambda _: False)
    assert hub.fetched() == ["config.json", "README.md"]
    with pytest.raises(ModelError, match="says its own size, mean and std"):
        fetch(hub, tmp_path / "m", preprocessing=Preprocessing((32, 32)))
    (hub.head(NAME, "main")[0] / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no model\.onnx: not a whole model folder"):
        fetch(hub, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_pull_of_ours_that_was_cut_off_goes_on_where_it_was(hub, spots, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4096)
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda _: setattr(hub, "broken", True))
    push(spots, NAME, endpoint=hub.endpoint)
    hub.cut = [50_000]
    with pytest.raises(ModelError, match="run it again to go on"):
        fetch(hub, tmp_path / "m")
    hub.broken = False
    hub.requests.clear()
    fetch(hub, tmp_path / "m", accept_licence=lambda _: False)  # it was asked for before
    assert "bytes=49152-" in {asked_range for *_, asked_range in hub.requests}
    assert (tmp_path / "m" / "model.onnx").read_bytes() == (spots / "model.onnx").read_bytes()


def test_a_pull_of_ours_compares_the_network_with_its_weights(hub, spots, tmp_path):
    folder = shutil.copytree(spots, tmp_path / "m")
    torch.manual_seed(8)
    network, config = EmbeddingNetwork("test_efficientnet").eval(), load_model(spots).config
    write_model_folder(tmp_path / "other", network, config, Card("Another."), pictures=PICTURES)
    shutil.copy(tmp_path / "other" / "model.onnx", folder / "model.onnx")
    push(folder, NAME, endpoint=hub.endpoint)
    with pytest.raises(ModelError, match="ONNX and torch do not agree"):
        fetch(hub, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_pushed_by_hand(hub, spots, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.endpoint)
    pushed = CliRunner().invoke(app, ["push", str(spots), NAME, "--private", "--message", "By hand"])
    assert pushed.output == f"Pushed {spots} to {hub.endpoint}/{NAME}, commit {hub.pushed[0].sha}\n"
    assert (hub.pushed[0].message, hub.private) == ("By hand", {NAME})
