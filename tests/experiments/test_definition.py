from __future__ import annotations

import pytest

from hanzaki.errors import SettingError
from hanzaki.experiments.definition import read_experiment, shipped_experiments
from hanzaki.learning.classifier.config import classifier_config
from hanzaki.learning.config import embedder_config

NAMES = ["backbones", "database", "fine-tuning", "joint-training", "left-out", "lights", "multi-species", "origin",
         "peers", "tasks", "unknown"]  # fmt: skip

CLASSIFIERS = {"lights", "unknown", "origin", "tasks"}


def test_each_of_the_papers_experiments_is_there():
    assert list(shipped_experiments()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_experiment_can_be_run_at_both_scales(name):
    experiment = read_experiment(name)
    assert experiment.name == name
    for scale in ("paper", "desk"):
        settings = experiment.at(scale)
        config = classifier_config if experiment.kind in CLASSIFIERS else embedder_config
        config(settings.config, changes=settings.changes)
        for changes in settings.variants.values():
            own = {key: value for key, value in changes.items() if key != "table"}
            config(settings.config, changes=settings.changes | own)
    desk = experiment.at("desk")
    assert desk.tables or desk.stream or desk.variants  # needs nothing that the user must name
    for row in experiment.paper.rows.values():
        assert len(row) == len(experiment.paper.columns)


def test_a_scale_that_is_not_there_is_named():
    with pytest.raises(SettingError, match="no scale 'moon'; there are paper, desk"):
        read_experiment("lights").at("moon")


def test_an_experiment_that_is_not_there_is_named():
    with pytest.raises(SettingError, match="'ligths' is no experiment; there are backbones"):
        read_experiment("ligths")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "holds no experiment"),
        ("a: [", "cannot be read as YAML"),
        ("title: x\nquestion: y\nkind: lights\npaper: {source: a, found: b}\nscales: {desk: {stream: {days: 1}}}",
         "scales.desk.stream.days: no such key"),
        ("title: x\nquestion: y\nkind: dance\npaper: {source: a, found: b}\nscales: {}", "kind"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_says_why(text, told, tmp_path):
    path = tmp_path / "it.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=told) as error:
        read_experiment(path)
    assert str(path) in str(error.value)
