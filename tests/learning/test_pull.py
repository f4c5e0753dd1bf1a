"""``pull``: a model of the hub becomes a model folder that gives its vectors, or nothing stands there."""

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import numpy as np
import pytest
import timm
import torch
from safetensors import safe_open

import hanzaki.learning.pull
from hanzaki.errors import ModelError
from hanzaki.learning.foreign import Preprocessing
from hanzaki.learning.pull import pull
from hanzaki.learning.weights import read_network
from hanzaki.vision.embedder import Embedder, normalised
from hanzaki.vision.model import load_model
from tests.learning.hub import Hub, serving
from tests.learning.layouts import SWIN, MiewIdNet, linear_head, renamed, write_miewid, write_timm

MIEWID = "conservationxlabs/miewid-msv3"
MEGADESCRIPTOR = "BVRA/MegaDescriptor-T-224"
PICTURES = [np.random.default_rng(seed).integers(0, 255, (90, 120, 3), np.uint8) for seed in range(2)]


@pytest.fixture(autouse=True)
def _one_thread_and_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4096)


@pytest.fixture(scope="module")
def miewid() -> MiewIdNet:
    torch.manual_seed(1)
    return MiewIdNet("test_efficientnet").eval()


@pytest.fixture(scope="module")
def megadescriptor() -> torch.nn.Module:
    torch.manual_seed(2)
    return timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, num_classes=0, **SWIN).eval()


@pytest.fixture(scope="module")
def repositories(miewid, megadescriptor, tmp_path_factory) -> dict[str, Path]:
    """MiewID's as v3 lies on the hub, MegaDescriptor's as timm writes it."""
    folder = tmp_path_factory.mktemp("repositories")
    state = renamed(miewid.state(), lambda key: "backbone.global_pool.p" if key == "pooling.p" else key)
    arguments = {key: value for key, value in SWIN.items() if key != "img_size"}
    return {
        MIEWID: write_miewid(folder / "miewid", "test_efficientnet", state | linear_head(256)),
        MEGADESCRIPTOR: write_timm(
            folder / "mega", "swin_tiny_patch4_window7_224", megadescriptor.state_dict(), 56, model_args=arguments
        ),
    }


@pytest.fixture
def hub(repositories) -> Iterator[Hub]:
    with serving() as made:
        made.repositories |= repositories
        yield made


@pytest.fixture
def converted(monkeypatch) -> list[dict]:
    """Stands in for the conversion where only the fetching is looked at; says what it was given."""
    calls: list[dict] = []

    def write(folder: Path, network, config, **rest):
        folder.mkdir()
        calls.append({"network": network, "config": config} | rest)

    monkeypatch.setattr(hanzaki.learning.pull, "write_model_folder", write)
    return calls


def _yes(_: str) -> bool:
    return True


# ---- whole


@pytest.fixture(scope="module")
def pulled(repositories, tmp_path_factory) -> tuple[Path, Hub, list[str], list[tuple[str, int, int]]]:
    folder = tmp_path_factory.mktemp("pulled") / "miewid"
    asked: list[str] = []
    told: list[tuple[str, int, int]] = []
    with serving() as hub:
        hub.repositories |= repositories
        pull(
            MIEWID, folder, accept_licence=lambda text: not asked.append(text), revision="v3",
            endpoint=hub.endpoint, pictures=PICTURES, progress=lambda *step: told.append(step),
        )  # fmt: skip
    return folder, hub, asked, told


def test_a_pulled_miewid_gives_miewids_vectors_in_the_field(pulled, miewid):
    model = load_model(pulled[0])
    embedder = Embedder(model, "onnxruntime")
    ours = embedder.describe([embedder.prepare(picture) for picture in PICTURES])
    with torch.inference_mode():
        theirs = miewid(torch.from_numpy(np.stack([normalised(picture, model.config) for picture in PICTURES])))
    assert np.allclose(ours, theirs.numpy(), atol=1e-4)


def test_a_pulled_model_can_be_trained_on(pulled, miewid):
    network, config = read_network(pulled[0])
    images = torch.rand(2, 3, 64, 64)
    assert config.name == "miewid-msv3"
    with torch.inference_mode():
        assert torch.allclose(network(images), miewid(images), atol=1e-5)
    assert any(parameter.requires_grad for parameter in network.parameters())


def test_the_commit_and_the_licence_are_written_down(pulled):
    folder, hub, *_ = pulled
    config = json.loads((folder / "config.json").read_text())
    card = (folder / "README.md").read_text()
    source = f"{MIEWID}@{hub.commit}"
    assert config["licence"] == "cc-by-nc-4.0"
    assert source in config["training_data"]
    assert source in card
    assert "license: cc-by-nc-4.0" in card
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata()["source"] == source


def test_only_what_is_needed_is_fetched_and_nothing_is_left_beside(pulled):
    folder, hub, *_ = pulled
    names = [name if len(name) < 64 else "weights" for name in hub.fetched()]
    assert sorted(set(names)) == ["README.md", "config.json", "model.safetensors", "weights"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "model.onnx", "model.safetensors",
    ]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_licence_is_shown_once_before_the_weights_come(pulled):
    _, hub, asked, _ = pulled
    assert len(asked) == 1
    assert f"The weights of {MIEWID} come under the licence cc-by-nc-4.0" in asked[0]
    assert hub.commit in asked[0]


def test_progress_grows_to_the_size_of_each_file(pulled):
    told = [(done, size) for name, done, size in pulled[3] if name == "model.safetensors"]
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 100_000


def test_a_pulled_megadescriptor_gives_timms_vectors(hub, megadescriptor, tmp_path: Path):
    folder = tmp_path / "mega"
    config = pull(MEGADESCRIPTOR, folder, accept_licence=_yes, endpoint=hub.endpoint)
    assert (config.input_size, config.mean) == ((56, 56), (0.5, 0.4, 0.3))
    embedder = Embedder(load_model(folder), "onnxruntime")
    prepared = [embedder.prepare(picture) for picture in PICTURES]
    with torch.inference_mode():
        theirs = megadescriptor(torch.from_numpy(np.stack(prepared))).numpy()
    assert np.allclose(embedder.describe(prepared), theirs, atol=1e-4)
    again, _ = read_network(folder)
    with torch.inference_mode():
        assert np.allclose(again(torch.from_numpy(np.stack(prepared))).numpy(), theirs, atol=1e-5)


# ---- fetching


def test_after_a_kill_it_goes_on_where_it_was_and_asks_no_second_time(hub, converted, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda _: setattr(hub, "broken", True))
    hub.cut = [50_000]  # the connection breaks there, and the hub is gone when it is tried again
    asked: list[str] = []
    arguments = {"accept_licence": lambda text: not asked.append(text), "endpoint": hub.endpoint}
    with pytest.raises(ModelError, match="could not be fetched: .*500.*run it again to go on"):
        pull(MIEWID, tmp_path / "m", **arguments)
    assert not (tmp_path / "m").exists()
    hub.broken = False
    hub.requests.clear()
    pull(MIEWID, tmp_path / "m", **arguments)
    assert "bytes=49152-" in {asked_range for *_, asked_range in hub.requests}  # whole chunks were kept
    assert "config.json" not in hub.fetched()
    assert len(asked) == 1
    assert len(converted) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_lost_connection_is_taken_up_again_at_once(ranges, hub, converted, miewid, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda _: None)
    hub.cut, hub.ranges = [50_000, 30_000], ranges
    pull(MIEWID, tmp_path / "m", accept_licence=_yes, endpoint=hub.endpoint)
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(converted[0]["network"](images), miewid(images), atol=1e-5)


def test_weights_that_arrive_damaged_are_thrown_away(hub, converted, tmp_path: Path):
    hub.damaged = True
    with pytest.raises(ModelError, match=r"model\.safetensors arrived damaged and was thrown away"):
        pull(MIEWID, tmp_path / "m", accept_licence=_yes, endpoint=hub.endpoint)
    hub.damaged = False
    pull(MIEWID, tmp_path / "m", accept_licence=_yes, endpoint=hub.endpoint)
    assert len(converted) == 1


def test_without_consent_no_weights_are_fetched(hub, converted, tmp_path: Path):
    with pytest.raises(ModelError, match="its licence was not accepted"):
        pull(MIEWID, tmp_path / "m", accept_licence=lambda _: False, endpoint=hub.endpoint)
    assert hub.fetched() == ["config.json", "README.md"]
    assert not converted
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("card", [None, "# no header"])
def test_a_model_that_names_no_licence_is_said_to(card, hub, converted, miewid, tmp_path: Path):
    hub.repositories["a/b"] = write_miewid(tmp_path / "r", "test_efficientnet", miewid.state(), card=card)
    asked: list[str] = []
    pull("a/b", tmp_path / "m", accept_licence=lambda text: not asked.append(text), endpoint=hub.endpoint)
    assert "name no licence" in asked[0]
    assert converted[0]["config"].licence == "unknown"


def test_an_older_models_bin_is_fetched_where_there_is_nothing_better(hub, converted, miewid, tmp_path: Path):
    folder = write_miewid(tmp_path / "r", "test_efficientnet", miewid.state(), pickled=True)
    hub.repositories["a/b"] = folder
    pull("a/b", tmp_path / "m", accept_licence=_yes, endpoint=hub.endpoint)
    assert converted[0]["config"].name == "b"


@pytest.mark.parametrize(
    ("repo", "revision", "message"),
    [
        ("nobody/nothing", None, "there is no nobody/nothing on the hub, or it is private"),
        (MIEWID, "v9", "has no such revision"),
        ("a/gated", None, "open only to whom its owners let in"),
        ("a/empty", None, r"a/empty has no config\.json"),
        ("not a name", None, "could not be fetched"),
    ],
)
def test_what_the_hub_does_not_give_is_said(repo, revision, message, hub, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    hub.repositories |= {"a/gated": hub.repositories[MIEWID], "a/empty": tmp_path / "empty"}
    hub.gated.add("a/gated")
    with pytest.raises(ModelError, match=message):
        pull(repo, tmp_path / "m", accept_licence=_yes, revision=revision, endpoint=hub.endpoint)
    assert not (tmp_path / "m").exists()


def test_a_hub_that_cannot_be_reached_is_said(tmp_path: Path):
    with serving() as gone:
        pass
    with pytest.raises(ModelError, match="could not be fetched"):
        pull(MIEWID, tmp_path / "m", accept_licence=_yes, endpoint=gone.endpoint)


def test_a_folder_in_the_way_is_said_before_anything_is_asked(hub, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is not empty"):
        pull(MIEWID, tmp_path, accept_licence=_yes, endpoint=hub.endpoint)
    assert hub.requests == []


def test_preprocessing_can_be_stated_where_the_config_is_known_to_be_wrong(hub, converted, tmp_path: Path):
    half = (0.5, 0.5, 0.5)
    pull(
        MEGADESCRIPTOR, tmp_path / "m", accept_licence=_yes, endpoint=hub.endpoint,
        preprocessing=Preprocessing(mean=half, std=half),
    )  # fmt: skip
    config = converted[0]["config"]
    assert (config.input_size, config.mean, config.std) == ((56, 56), half, half)
