"""hanzaki knows individual animals by their natural markings.

Example:
    >>> import hanzaki
    >>> catalogue = hanzaki.init("river")
    >>> catalogue.add("photos/", table="photos/annotations.csv")
    >>> catalogue.identify("IMG_1234.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanzaki.annotations import Annotations
    from hanzaki.boxes import Box
    from hanzaki.door import (
        calibrate,
        evaluate,
        evaluate_against,
        evaluate_classifier,
        init,
        open,  # noqa: A004 - `hanzaki.open` is the name users expect
        train_classifier,
        train_detector,
        train_embedder,
    )
    from hanzaki.errors import (
        BadMedium,
        CatalogueError,
        DecisionError,
        HanzakiError,
        ModelError,
        SettingError,
        TableError,
    )
    from hanzaki.evaluation.leaks import LeakError
    from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

__version__ = "0.1.0"

#: Where each public name lives; nothing is imported before it is asked for, so that `hanzaki --help` is quick.
_HOMES = {
    "Annotations": "annotations",
    "BadMedium": "errors",
    "Box": "boxes",
    "CatalogueError": "errors",
    "DecisionError": "errors",
    "FieldCatalogue": "fieldwork.fieldcatalogue",
    "HanzakiError": "errors",
    "ModelError": "errors",
    "SettingError": "errors",
    "TableError": "errors",
    "LeakError": "evaluation.leaks",
    "calibrate": "door",
    "evaluate": "door",
    "evaluate_against": "door",
    "evaluate_classifier": "door",
    "init": "door",
    "open": "door",
    "train_classifier": "door",
    "train_detector": "door",
    "train_embedder": "door",
}

__all__ = [
    "Annotations",
    "BadMedium",
    "Box",
    "CatalogueError",
    "DecisionError",
    "FieldCatalogue",
    "HanzakiError",
    "LeakError",
    "ModelError",
    "SettingError",
    "TableError",
    "__version__",
    "calibrate",
    "evaluate",
    "evaluate_against",
    "evaluate_classifier",
    "init",
    "open",
    "train_classifier",
    "train_detector",
    "train_embedder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hanzaki' has no attribute {name!r}")
    return getattr(import_module(f"hanzaki.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
