"""``hanzaki experiment`` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from tests.experiments.toys import toy, write_species


def _hanzaki(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hanzaki", "experiment", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_papers_experiments_are_listed():
    done = _hanzaki("list", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert {"multi-species", "lights", "origin"} <= {one["experiment"] for one in listed}
    assert all(one["question"].endswith("?") for one in listed)


def test_a_run_ends_in_a_table_and_a_page(tmp_path):
    table = write_species(tmp_path / "hides")
    path = toy("peers", tmp_path, individuals=6, each=3, models=["hides"])
    run = [
        sys.executable,
        "-m",
        "hanzaki",
        "experiment",
        "run",
        path,
        "--table",
        table,
        "--into",
        tmp_path / "runs",
    ]
    done = subprocess.run([str(part) for part in run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hides-001" in done.stdout
    assert "at this size: over all queries" in done.stdout
    page = tmp_path / "runs" / "peers-desk" / "index.html"
    assert str(page) in done.stderr
    assert page.is_file()
    shown = pd.read_csv(page.with_name("table.csv"), dtype=str)
    assert all(str(cell) in done.stdout for cell in shown.iloc[0])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "ligths"), "'ligths' is no experiment"),
        (("run", "lights", "--scale", "moon"), "no scale 'moon'"),
        (("run", "multi-species", "--scale", "paper"), "name a table with --table"),
        (("run", "lights", "--set", "schedule.epoch=1"), "did you mean schedule.epochs"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, told, tmp_path):
    done = _hanzaki(*arguments, "--into", tmp_path)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
