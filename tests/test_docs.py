"""The docs say what the program does: reference pages are the code's, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import typer.main

from hanzaki.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = runpy.run_path(str(ROOT / "docs" / "reference" / "make.py"))["pages"]()


@pytest.mark.parametrize("name", GENERATED)
def test_reference_pages_are_up_to_date(name: str):
    assert (ROOT / "docs" / "reference" / name).read_text() == GENERATED[name], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("command", typer.main.get_command(app).commands)
def test_every_command_is_told_of_outside_the_reference(command: str):
    prose = "\n".join(page.read_text() for page in PAGES if page.parent.name != "reference")
    assert f"hanzaki {command}" in prose


def test_commands_in_the_docs_exist():
    known = set(typer.main.get_command(app).commands)
    for page in PAGES:
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text(), flags=re.DOTALL):
            for word in re.findall(r"^\$? ?hanzaki ([a-z]\w*)", block, flags=re.MULTILINE):
                assert word in known, f"{page.name}: hanzaki {word}"
