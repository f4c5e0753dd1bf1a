"""Model folders shared on a Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import HFValidationError

from hanzaki.errors import HanzakiError, ModelError, printable
from hanzaki.learning.card import hub_licence
from hanzaki.learning.foreign import read_licence
from hanzaki.learning.pull import belongs
from hanzaki.vision.model import CARD, CONFIG, ModelFacts, ModelFolder, load_any_model

_LOG_IN = "run `hf auth login`, or set HF_TOKEN to a token that may write"


@dataclass(frozen=True)
class Pushed:
    """Where a model folder lies now.

    Attributes:
        address: of its page.
        commit: that holds it.
    """

    address: str
    commit: str


def push(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    endpoint: str | None = None,
) -> Pushed:
    """Put a model folder on a hub, all of its files in one commit.

    The repository and the branch are made if they are not there. Files that did not change are not sent again, and
    of large files that an earlier call sent before it was cut off, the hub knows.

    Args:
        folder: the model folder.
        repo_id: ``owner/name`` on the hub.
        private: make the repository one that only its owners see.
        revision: branch to put it on; ``main`` by default.
        message: of the commit.
        endpoint: of another hub; huggingface_hub's own by default (``HF_ENDPOINT``).

    Raises:
        ModelError: if it is no model folder, nobody said its licence, or the hub does not take it.
    """
    model = load_any_model(folder)
    require_licence(model)
    if repo_id.count("/") != 1:
        raise ModelError(f"{repo_id!r} names no repository: write OWNER/NAME, the owner being you or your group")
    api = HfApi(endpoint=endpoint, library_name="hanzaki")
    with _telling(repo_id):
        if get_token() is None:
            raise ModelError(f"the hub wants to know who you are: {_LOG_IN}")
        address = str(api.create_repo(repo_id, private=private or None, exist_ok=True))
        if private and not api.model_info(repo_id).private:
            raise ModelError(f"{repo_id} is there already, for all to see: choose another name, or close it there")
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(path.name, path) for path in _files(folder)],
            commit_message=message or f"{model.config.name}: {model.config.architecture}",
            revision=revision,
        )
    return Pushed(address, commit.oid)


def require_licence(model: ModelFolder[ModelFacts]) -> None:
    """See that a model's licence is known, and that its config and its card say the same.

    Raises:
        ModelError: saying what to write where.
    """
    said = hub_licence(model.config.licence)
    config, card = (printable(model.folder / name) for name in (CONFIG, CARD))
    if said == hub_licence("unknown"):
        raise ModelError(
            "a model whose licence nobody said is of no use to others: it cannot be freer than the pictures and"
            f" weights that the model was made from; write it in {config} (`licence`) and in the header of {card}"
            " (`license`)"
        )
    if not (model.folder / CARD).is_file():
        raise ModelError(f"{printable(model.folder)} has no {CARD}: say what the model is, what for and how good")
    shown = read_licence(model.folder / CARD)
    if hub_licence(shown) != said:
        header = ", ".join(f"{key}: {value}" for key, value in said.items())
        raise ModelError(
            f"{card} says the licence is {shown}, {config} says {model.config.licence}: correct one of them (where"
            f" the latter is right, the card's header says `{header}`)"
        )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and belongs(path.name))


@contextmanager
def _telling(repo_id: str) -> Iterator[None]:
    """Turn the hub's errors into ours."""
    try:
        yield
    except HanzakiError:
        raise
    except HFValidationError as error:
        raise ModelError(f"{repo_id!r} cannot be a repository's name: {_first_line(error)}") from error
    except Exception as error:  # whatever the hub's HTTP library raises: requests, httpx and httpx2 in three years
        raise ModelError(f"{repo_id} was not pushed: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error.__cause__, Exception) and type(error) is RuntimeError:
        error = error.__cause__  # huggingface_hub's words for it name the file and nothing else
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return f"the hub does not know your token; {_LOG_IN}"
    if status == 403:
        return (
            f"your token may not write there ({_answer(error, status)}); take one that may (`hf auth login`), or"
            " ask the owners to let you in"
        )
    if isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError) and CARD in str(error):
        return "the hub does not take the header of its card: " + " ".join(str(error).split())
    return f"{_first_line(error) if status is None else _answer(error, status)}; run it again to go on"


def _answer(error: Exception, status: int) -> str:
    return f"the hub answers {status}, {getattr(error, 'server_message', None) or _first_line(error)}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
