"""Models fetched from a Hugging Face hub and made into model folders."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import huggingface_hub.utils
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.file_download import http_get

from hanzaki.errors import HanzakiError, ModelError
from hanzaki.learning.agreement import check_classifier, check_onnx
from hanzaki.learning.card import DETECTOR_LIMITS, FINDING, Card
from hanzaki.learning.foreign import WEIGHT_FILES, Preprocessing, read_foreign, read_licence
from hanzaki.learning.foreign_detector import PREPROCESSOR, exportable, is_detector, read_foreign_detector
from hanzaki.learning.publish import write_model_folder
from hanzaki.learning.weights import read_classifier, read_network
from hanzaki.vision.crop import Pixels
from hanzaki.vision.folders import require_free
from hanzaki.vision.importing import check_outputs
from hanzaki.vision.model import (
    CARD,
    CONFIG,
    ONNX,
    TASKS,
    WEIGHTS,
    ClassifierConfig,
    DetectorConfig,
    ModelConfig,
    ModelFacts,
    load_any_model,
)

Progress = Callable[[str, int, int], None]  # of a file: its name, bytes that are here, bytes in all

_ACCEPTED = "licence-accepted"
_HUB: Any = huggingface_hub.utils  # documents build_hf_headers and silent_tqdm, and does not export them to mypy


def pull(
    repo_id: str,
    folder: Path,
    *,
    accept_licence: Callable[[str], bool],
    revision: str | None = None,
    endpoint: str | None = None,
    preprocessing: Preprocessing | None = None,
    pictures: Sequence[Pixels] = (),
    progress: Progress | None = None,
) -> ModelFacts:
    """Fetch a model and make it a model folder, checked.

    What was fetched stays in ``<folder>.download`` until the model folder stands, so that after a kill or a lost
    connection the next call goes on from there, and does not ask about the licence again.

    Args:
        repo_id: ``owner/name`` on the hub: a model folder of hanzaki, which is taken as it is, or one of the
            layouts of :mod:`hanzaki.learning.foreign` or a detector of :mod:`hanzaki.learning.foreign_detector`,
            which are converted.
        folder: the model folder to make; new or empty.
        accept_licence: is shown what the card says of the licence, before any weights come; False ends it.
        revision: branch, tag or commit; the newest by default. What is written down is always the commit.
        endpoint: of another hub; huggingface_hub's own by default (``HF_ENDPOINT``).
        preprocessing: to take in place of what a foreign model's config says.
        pictures: uint8 (H, W, 3) each, to compare torch and ONNX on; made up if there are none.
        progress: is told how far each file is.

    Returns:
        the config of the folder.

    Raises:
        ModelError: if the hub cannot be reached or has no such model, the licence is not accepted, the layout is
            not known, or ONNX does not give what torch gives.
    """
    require_free(folder)
    downloads = folder.with_name(folder.name + ".download")
    with _telling(repo_id):
        info = HfApi(endpoint=endpoint).model_info(repo_id, revision=revision)
    commit = str(info.sha)
    there = {sibling.rfilename for sibling in info.siblings or ()}
    if CONFIG not in there:
        raise ModelError(f"{repo_id} has no {CONFIG}: not a model known here")
    hub = _Repository(repo_id, commit, endpoint, downloads / commit, progress)
    for name in (CONFIG, CARD):
        if name in there:
            hub.fetch(name)
    if _own_config(hub) is not None:
        if preprocessing is not None and preprocessing != Preprocessing():
            raise ModelError(f"{repo_id} is a model of hanzaki, which says its own size, mean and std; state none")
        config = _take(hub, there, folder, accept_licence, pictures)
    elif is_detector(_said(hub)):
        config = _convert_detector(hub, there, folder, accept_licence, preprocessing, pictures)
    else:
        config = _convert(hub, there, folder, accept_licence, preprocessing, pictures)
    shutil.rmtree(downloads)
    return config


@dataclass(frozen=True)
class _Repository:
    """One commit of a repository, fetched file by file into a folder."""

    repo_id: str
    commit: str
    endpoint: str | None
    folder: Path
    progress: Progress | None

    def fetch(self, name: str) -> None:
        """Have a file, going on where an earlier call ended.

        ``hf_hub_download`` throws away what came of a file before a kill (its pull request 4228).
        """
        target = self.folder / name
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        url = hf_hub_url(self.repo_id, name, revision=self.commit, endpoint=self.endpoint)
        with _telling(self.repo_id):
            metadata = get_hf_file_metadata(url, endpoint=self.endpoint)
            size = metadata.size or 0
            if partial.exists() and partial.stat().st_size > size:
                partial.unlink()  # not of this file
            with _Watched(partial, "a", lambda done: self.progress and self.progress(name, done, size)) as file:
                http_get(
                    url,
                    cast(BinaryIO, file),
                    resume_size=file.tell(),
                    headers=_HUB.build_hf_headers(library_name="hanzaki"),
                    expected_size=metadata.size,
                    tqdm_class=_HUB.silent_tqdm,
                )
        _verify(partial, metadata.etag)
        partial.rename(target)


def _said(hub: _Repository) -> dict[str, Any]:
    """What ``config.json`` says; nothing if it is no such file."""
    try:
        said = json.loads((hub.folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _own_config(hub: _Repository) -> dict[str, Any] | None:
    """What ``config.json`` says, if it is one of hanzaki's own."""
    said = _said(hub)
    return said if said.get("task") in TASKS else None


def _take(
    hub: _Repository,
    there: set[str],
    folder: Path,
    accept_licence: Callable[[str], bool],
    pictures: Sequence[Pixels],
) -> ModelFacts:
    """Have a model folder of hanzaki, file by file."""
    if ONNX not in there:
        raise ModelError(f"{hub.repo_id} has no {ONNX}: not a whole model folder")
    _ask(hub, accept_licence)
    for name in sorted(filter(belongs, there)):
        hub.fetch(name)
    config = load_any_model(hub.folder).config
    if isinstance(config, ModelConfig) and WEIGHTS in there:
        check_onnx(read_network(hub.folder)[0], hub.folder / ONNX, config, pictures)
    if isinstance(config, ClassifierConfig) and WEIGHTS in there:
        check_classifier(read_classifier(hub.folder)[0], hub.folder / ONNX, config, pictures)
    if isinstance(config, DetectorConfig):
        check_outputs(hub.folder / ONNX, config)
    (hub.folder / _ACCEPTED).unlink()
    if folder.exists():
        folder.rmdir()
    hub.folder.rename(folder)
    return config


def belongs(name: str) -> bool:
    """Whether a file of this name is part of a model folder: it lies at the top and is not hidden."""
    return not (name.startswith(".") or "/" in name or "\\" in name)


def _convert(
    hub: _Repository,
    there: set[str],
    folder: Path,
    accept_licence: Callable[[str], bool],
    preprocessing: Preprocessing | None,
    pictures: Sequence[Pixels],
) -> ModelConfig:
    """Have other people's weights and make them a model folder."""
    weights = next((name for name in WEIGHT_FILES if name in there), None)
    if weights is None:
        raise ModelError(f"{hub.repo_id} has neither {' nor '.join(WEIGHT_FILES)}: not a model known here")
    _ask(hub, accept_licence)
    hub.fetch(weights)
    source = f"{hub.repo_id}@{hub.commit}"
    network, config = read_foreign(hub.folder, hub.repo_id.rpartition("/")[2], preprocessing)
    config = config.model_copy(update={"training_data": f"what the card of {source} says"})
    card = Card(f"Embeddings of `{hub.repo_id}` ({config.architecture}).", source=source)
    write_model_folder(folder, network, config, card=card, pictures=pictures)
    return config


def _convert_detector(
    hub: _Repository,
    there: set[str],
    folder: Path,
    accept_licence: Callable[[str], bool],
    preprocessing: Preprocessing | None,
    pictures: Sequence[Pixels],
) -> DetectorConfig:
    """Have a detector of transformers and make it a model folder; nothing here trains on it."""
    if WEIGHTS not in there:
        raise ModelError(f"{hub.repo_id} has no {WEIGHTS}: not a model known here")
    _ask(hub, accept_licence)
    for name in (PREPROCESSOR, WEIGHTS):
        if name in there:
            hub.fetch(name)
    source = f"{hub.repo_id}@{hub.commit}"
    network, config = read_foreign_detector(hub.folder, hub.repo_id.rpartition("/")[2], preprocessing)
    config = config.model_copy(update={"training_data": f"what the card of {source} says"})
    card = Card(f"Detector of `{hub.repo_id}` ({config.architecture}).", FINDING, DETECTOR_LIMITS, source=source)
    with exportable():
        write_model_folder(folder, network, config, card=card, pictures=pictures, keep_weights=False)
    return config


class _Watched(io.FileIO):
    """A file that tells how long it has grown."""

    def __init__(self, path: Path, mode: str, grown: Callable[[int], object]) -> None:
        super().__init__(path, mode)
        self._grown = grown

    def write(self, data: Any) -> int:
        """As of any file."""
        written = super().write(data)
        self._grown(self.tell())
        return written


def _ask(hub: _Repository, accept_licence: Callable[[str], bool]) -> None:
    accepted = hub.folder / _ACCEPTED
    if accepted.exists():
        return
    own = _own_config(hub)
    licence = read_licence(hub.folder / CARD) if own is None else str(own.get("licence", "unknown"))
    page = hf_hub_url(hub.repo_id, CARD, revision=hub.commit, endpoint=hub.endpoint)
    said = f"come under the licence {licence}" if licence != "unknown" else "name no licence: ask their authors"
    if not accept_licence(f"The weights of {hub.repo_id} {said} (see {page})."):
        raise ModelError(f"{hub.repo_id} was not fetched, since its licence was not accepted")
    accepted.touch()


def _verify(path: Path, etag: str | None) -> None:
    """Compare with the hub's SHA-256, which it gives for large files; others carry git's, of less use here."""
    if etag is None or not re.fullmatch("[0-9a-f]{64}", etag):
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != etag:
        path.unlink()
        raise ModelError(f"{path.stem} arrived damaged and was thrown away; run it again")


@contextmanager
def _telling(repo_id: str) -> Iterator[None]:
    """Turn the hub's errors into ours."""
    try:
        yield
    except HanzakiError:
        raise
    except GatedRepoError as error:
        raise ModelError(
            f"{repo_id} is open only to whom its owners let in: ask them, then `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{repo_id} has no such revision: {_first_line(error)}") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"there is no {repo_id} on the hub, or it is private: {_first_line(error)}") from error
    except Exception as error:  # whatever the hub's HTTP library raises: requests, httpx and httpx2 in three years
        raise ModelError(f"{repo_id} could not be fetched: {_first_line(error)}; run it again to go on") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
