"""Write the reference pages from the code: ``make docs``. A test holds that they are up to date."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel

import hanzaki
from hanzaki.cli.app import app
from hanzaki.learning.classifier.config import ClassifierTraining
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.detector.config import DetectorTraining
from hanzaki.learning.reading_config import all_shipped_configs
from hanzaki.settings import Settings
from hanzaki.vision.model import ModelConfig

FOLDER = Path(__file__).parent
NOTE = "<!-- made from the code by `make docs`; do not edit -->\n"


def pages() -> dict[str, str]:
    """The text of every generated page, by file name."""
    return {
        "command-line.md": command_line(),
        "python.md": python(),
        "settings.md": settings(),
        "training.md": training(),
    }


def command_line() -> str:
    """Every command with its arguments and options."""
    parts = ["# The command line", NOTE]
    for name, command in _commands(typer.main.get_command(app), "hanzaki"):
        parts.append(f"## `{name}`\n\n{inspect.cleandoc(command.help or '')}\n")
        rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            parts.append("| | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def python() -> str:
    """The public names with their docstrings."""
    parts = ["# Python", NOTE]
    for name in hanzaki.__all__:
        value = getattr(hanzaki, name)
        if not callable(value):
            continue
        kind = "class" if inspect.isclass(value) else "function"
        parts.append(f"## `hanzaki.{name}`\n\n{kind}\n\n{_docstring(value)}")
        if name == "FieldCatalogue":
            for method, function in inspect.getmembers(value, inspect.isfunction):
                if not method.startswith("_"):
                    parts.append(f"### `catalogue.{method}`\n\n{_docstring(function)}")
    return "\n".join(parts)


def training() -> str:
    """Every key of the training configs, with its value where nothing is said."""
    parts = ["# The config of a training", NOTE, *_config(EmbedderConfig, "##")]
    parts += ["", "## Of a detector", "", *_config(DetectorTraining, "###")]
    parts += ["", "## Of a classifier", "", *_config(ClassifierTraining, "###")]
    parts += ["", "## Shipped configs"]
    for name, text in all_shipped_configs().items():
        parts += ["", f"### `{name}`", "", f"```yaml\n{text}```"]
    return "\n".join(parts) + "\n"


def _config(kind: type[BaseModel], heading: str) -> list[str]:
    parts = [inspect.getdoc(kind) or "", ""]
    parts += _keys(
        "", {name: field for name, field in kind.model_fields.items() if not _is_part(field.annotation)}
    )
    for name, field in kind.model_fields.items():
        if _is_part(field.annotation):
            parts += ["", f"{heading} `{name}`", "", inspect.getdoc(field.annotation) or "", ""]
            parts += _keys(f"{name}.", field.annotation.model_fields)  # type: ignore[union-attr]
    return parts


def _is_part(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)


def _keys(prefix: str, fields: dict[str, Any]) -> list[str]:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None else str(list(default) if isinstance(default, tuple) else default)
        rows.append(f"| `{prefix}{name}` | {shown} | {field.description or ''} |")
    return rows


def settings() -> str:
    """Environment variables, and the settings of a model folder."""
    parts = ["# Settings", NOTE, "## Environment\n", "| variable | meaning |\n|---|---|"]
    fields = Settings.model_fields.items()
    parts += [f"| `HANZAKI_{name.upper()}` | {field.description} |" for name, field in fields]
    parts += ["", "## `config.json` of a model folder\n", inspect.getdoc(ModelConfig) or "", ""]
    parts += ["| key | type | meaning |\n|---|---|---|"]
    for name, field in ModelConfig.model_fields.items():
        kind = str(field.annotation).replace("typing.", "").removeprefix("<class '").removesuffix("'>")
        parts.append(f"| `{name}` | `{kind.replace('|', 'or')}` | {field.description or ''} |")
    return "\n".join(parts) + "\n"


def _commands(group: Any, name: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for word, command in group.commands.items():
        path = f"{name} {word}"
        found += _commands(command, path) if hasattr(command, "commands") else [(path, command)]
    return found


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = ", ".join(parameter.opts) if is_option else parameter.metavar or parameter.name
    told = parameter.default not in (None, False, ()) and not callable(parameter.default)
    default = "required" if parameter.required else f"`{parameter.default}`" if told else ""
    return f"| `{names.replace('|', chr(92) + '|')}` | {default} | {parameter.help or ''} |"


def _docstring(value: Any) -> str:
    return f"```text\n{inspect.getdoc(value) or ''}\n```\n"


if __name__ == "__main__":
    for file, text in pages().items():
        (FOLDER / file).write_text(text)
        print(f"wrote docs/reference/{file}")  # noqa: T201
