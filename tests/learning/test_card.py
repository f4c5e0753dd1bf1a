"""A model card says what the model is and is not, in words and in a header that the hub can read."""

import pytest
import yaml
from huggingface_hub import ModelCard

from hanzaki.learning.card import CLASSIFIER_LIMITS, TELLING, Card, Metric, TrainingData, hub_licence
from hanzaki.learning.foreign import read_licence
from hanzaki.vision.model import ClassifierConfig, ModelConfig

COMMAND = "hanzaki evaluate --table a|b.csv --with m"
FULL = Card(
    'It knows fire salamanders: by their "yellow" spots.',
    intended_use="Finding salamanders again.",
    limits=("It knows no newts.",),
    training=(
        TrainingData("Salamanders: all", "cc0-1.0", 11_700, 580, 1, hub="wild/salamanders"),
        TrainingData("Drawn | ones", "mit"),
    ),
    metrics=(
        Metric("top1", "Salamanders of 2024", 0.87654, 0.85, 0.9, COMMAND),
        Metric("map", "Salamanders of 2024", 0.7, 0.6, 0.8, COMMAND),
        Metric("top1", "Zebras", 0.5, 0.4, 0.6, COMMAND),
    ),
    source="someone/miewid@4f1d7f2",
    base="timm/mobilenetv2@main",
)


def config(**other: object) -> ModelConfig:
    values = {"task": "embed", "name": "spots", "architecture": "mobilenetv2_100", "input_size": (320, 160),
              "mean": (0.5,) * 3, "std": (0.2,) * 3, "embedding_size": 99, "licence": "cc-by-nc-4.0"}  # fmt: skip
    return ModelConfig(**values | other)


def test_the_header_is_what_the_hub_reads():
    data = ModelCard(FULL.markdown(config())).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "cc-by-nc-4.0", "hanzaki", "image-feature-extraction",
    )  # fmt: skip
    assert {"hanzaki", "mobilenetv2_100"} <= set(data.tags)
    assert data.datasets == ["wild/salamanders"]
    assert data.base_model == ["someone/miewid", "timm/mobilenetv2"]
    assert data.model_name == "spots"
    first = next(result for result in data.eval_results if result.metric_type == "top1")
    assert (first.dataset_name, first.metric_value) == ("Salamanders of 2024", 0.8765)
    assert first.metric_args == {"low": 0.85, "high": 0.9, "command": COMMAND}
    assert len(data.eval_results) == 3


def test_the_header_is_yaml_whatever_the_texts_hold():
    header = yaml.safe_load(Card("x").markdown(config(name="a: #b", architecture="[x]")).split("---")[1])
    assert header["tags"][-1] == "[x]"
    assert "model-index" not in header
    assert "datasets" not in header
    assert "base_model" not in header


def test_the_text_says_what_it_is_for_and_what_not_and_how_good():
    text = FULL.markdown(config(resize="pad", crop_fraction=0.6), half=True)
    assert "# spots\n\nIt knows fire salamanders" in text
    assert "## What it is for\n\nFinding salamanders again." in text
    assert "## What it is not\n\n- It knows no newts.\n" in text
    assert r"| top1 | Salamanders of 2024 | 87.7% (85.0% to 90.0%) | `hanzaki evaluate --table a\|b.csv" in text
    assert "| Salamanders: all | cc0-1.0 | 11,700 | 580 | 1 |" in text
    assert r"| Drawn \| ones | mit | not known | not known | not known |" in text
    assert "320 x 160 pixels (padded with black)" in text
    assert "of 60% of the box's area" in text
    assert "kept in 16 bits" in text
    assert "Converted from someone/miewid@4f1d7f2" in text


def test_a_card_of_one_sentence_still_says_what_every_such_model_is_not():
    text = Card("Features.").markdown(config(training_data="ImageNet-1k"))
    assert "A score is no probability" in text
    assert "## What it learnt from\n\nImageNet-1k" in text
    assert "How well" not in text


@pytest.mark.parametrize(
    ("licence", "header", "read"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}, "apache-2.0"),
        ("unknown", {"license": "unknown"}, "unknown"),
        ("", {"license": "unknown"}, "unknown"),
        ("CC BY 4.0 (Lumi)", {"license": "other", "license_name": "cc-by-4.0-lumi"}, "cc-by-4.0-lumi"),
    ],
)
def test_a_licence_that_the_hub_does_not_know_is_named_as_another(licence, header, read, tmp_path):
    assert hub_licence(licence) == header
    (tmp_path / "README.md").write_text(Card("x").markdown(config(licence=licence)))
    assert read_licence(tmp_path / "README.md") == read


def test_a_classifiers_card_says_what_it_does_and_how_to_use_it():
    looks = ClassifierConfig(
        task="classify", name="kinds", architecture="mobilenetv2_100", label="origin", labels=["native", "hybrid"],
        input_size=(32, 32), mean=(0.5,) * 3, std=(0.2,) * 3,
    )  # fmt: skip
    figure = Metric("accuracy", "rivers", 0.9, 0.8, 1.0, COMMAND)
    text = Card("Kinds.", TELLING, CLASSIFIER_LIMITS, metrics=[figure]).markdown(looks)
    data = ModelCard(text).data
    assert data.pipeline_tag == "image-classification"
    assert "re-identification" not in data.tags
    assert data.eval_results[0].task_type == "image-classification"
    assert "$ hanzaki classify photographs/ --with" in text
    assert "A person looks, and a person's word counts more." in text
    assert "the probability of each origin: native, hybrid." in text
