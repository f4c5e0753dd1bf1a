"""The main job on other people's photographs, where they are at hand beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

import hanzaki
from hanzaki import Annotations
from hanzaki.exchange.identity_csv import read_identity_csv


def some(folder: Path, animals: int, photographs: int) -> Annotations:
    """The first photographs of the first animals of a set."""
    table = read_identity_csv(folder / "annotations.csv")
    names = sorted(table.frame["identity"].unique())[:animals]
    frame = table.frame[table.frame["identity"].isin(names)]
    return Annotations(frame.groupby("identity").head(photographs), table.source)


@pytest.fixture(scope="module")
def mobilenet(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ImageNet MobileNetV2 as a model folder."""
    from hanzaki.learning.publish import export_timm

    folder = tmp_path_factory.mktemp("models") / "mobilenet"
    weights = shared.parent / "weights" / "mobilenetv2_imagenet.safetensors"
    grey = (0.5, 0.5, 0.5)
    export_timm(folder, "mobilenetv2_100", weights, arguments={"pad_type": "same"}, mean=grey, std=grey)
    return folder


def test_zebras_are_told_apart_without_a_model(shared):
    result = hanzaki.evaluate(some(shared / "zebra", animals=12, photographs=5))
    assert result.queries == 60
    assert result.measures["top1"][0] > 0.9


def test_zebras_are_told_apart_by_imagenet_features_better_than_by_chance(shared, mobilenet):
    result = hanzaki.evaluate(some(shared / "zebra", animals=12, photographs=5), model=mobilenet)
    assert result.measures["top1"][0] > 0.6  # chance: 4 of 59


def test_nyalas_are_added_with_their_table_and_one_is_asked_for(shared, tmp_path):
    table = some(shared / "nyala", animals=6, photographs=8)
    with hanzaki.init(tmp_path / "nyala") as catalogue:
        report = catalogue.add(table=table)
        assert (report.added, report.annotated, report.skipped) == (len(table), len(table), [])
        assert len(catalogue.individuals()) == 6
        photograph = table.folder / table.frame["path"].iloc[0]
        (found,) = catalogue.identify(photograph).identifications
        assert found.known_as == table.frame["identity"].iloc[0]
        assert found.scope.species == "Tragelaphus angasii"
        assert found.scope.sides == ("left",)
        assert 1 < len(found.candidates) <= 6
