"""Configs: every key is checked, and what was written down is what was run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.errors import SettingError
from hanzaki.learning.config import EmbedderConfig
from hanzaki.learning.reading_config import checked, read_config, shipped_configs, write_config


def _read(which: str | Path, *changes: str) -> EmbedderConfig:
    return read_config(which, EmbedderConfig, changes)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ---- the shipped ones


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_config_can_be_used(name):
    assert _read(name).name == name


def test_small_and_miewid_are_shipped():
    assert {"small", "miewid", "hides"} <= shipped_configs().keys()


# ---- where a training begins


def test_small_begins_with_the_model_that_comes_along_wherever_it_is_said(tmp_path):
    assert _read("small").network.start == Path("hides")
    assert _read(_written(tmp_path / "a.yaml", "network: {start: hides}\n")).network.start == Path("hides")


def test_a_folder_of_the_shipped_models_name_stands_before_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hides").mkdir()
    assert _read("small").network.start == tmp_path / "hides"


def test_of_a_model_to_go_on_from_and_a_network_to_build_the_later_word_holds(tmp_path):
    built = _read("small", "network.backbone=resnet18").network
    assert (built.start, built.backbone, built.crop_fraction) == (None, "resnet18", 0.35)
    assert _read("miewid", f"network.start={tmp_path}").network.start == tmp_path
    extending = _read(_written(tmp_path / "a.yaml", "extends: small\nnetwork: {weights: w.safetensors}\n")).network
    assert (extending.start, extending.weights) == (None, tmp_path / "w.safetensors")


def test_both_in_one_breath_are_an_error(tmp_path):
    path = _written(tmp_path / "a.yaml", "network: {start: hides, backbone: resnet18}\n")
    with pytest.raises(SettingError, match="backbone cannot be had with start, a model that brings its own"):
        _read(path)


def test_miewid_is_the_recipe_of_the_papers_appendix():
    config = _read("miewid")
    assert config.network.backbone.startswith("tf_efficientnetv2_m")
    assert (config.network.pooling, config.network.input_size) == ("gem", (256, 256))
    assert config.sampling.batch == 112
    schedule = config.schedule
    assert (schedule.warmup_epochs, schedule.start, schedule.peak) == (15, 1.5e-5, 1.5e-3)
    assert (schedule.decay, schedule.factor) == ("exponential", 0.8)
    loss = config.loss
    assert (loss.kind, loss.scale, loss.centres) == ("subcentre_arcface", 51.5, 3)
    augmentation = config.augmentation
    assert (augmentation.shift, augmentation.scale, augmentation.rotate) == (0.25, 0.2, 15)


# ---- changes


def test_values_are_changed_from_the_command_line_one_by_one():
    config = _read(
        "small", "schedule.epochs=5", "schedule.start=2e-6", "network.input_size=[64, 48]", "name=otters"
    )
    assert (config.schedule.epochs, config.schedule.start) == (5, 2e-6)
    assert config.network.input_size == (64, 48)
    assert config.name == "otters"
    small = _read("small")
    assert config.loss == small.loss
    assert config.schedule.peak == small.schedule.peak


def test_a_later_change_stands_before_an_earlier_one():
    assert _read("small", "schedule.epochs=5", "schedule.epochs=6").schedule.epochs == 6


@pytest.mark.parametrize("change", ["schedule.epochs", "=5", ""])
def test_a_change_that_is_no_key_and_value_says_how_to_write_one(change):
    with pytest.raises(SettingError, match=r"write KEY=VALUE, as schedule\.epochs=5"):
        _read("small", change)


def test_a_change_that_is_not_yaml_is_named():
    with pytest.raises(SettingError, match=r"--set network\.input_size=\[64 is not YAML"):
        _read("small", "network.input_size=[64")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("schedule.epoch=5", r"schedule\.epoch: no such key; did you mean schedule\.epochs\?"),
        ("shedule.epochs=5", r"shedule: no such key; did you mean schedule\?"),
        ("epochs=5", r"epochs: no such key; did you mean schedule\.epochs\?"),
        ("network.epochs=5", r"network\.epochs: no such key; did you mean schedule\.epochs\?"),
        ("scale=5", r"scale: no such key; did you mean loss\.scale or augmentation\.scale\?"),
        ("augmentation.colur=1", r"augmentation\.colur: no such key; did you mean augmentation\.colour\?"),
        ("loss.zzz=5", r"loss\.zzz: no such key; there are kind, centres, scale"),
        ("extends=miewid", r"extends: no such key"),
    ],
)
def test_an_unknown_key_is_an_error_that_says_what_was_perhaps_meant(change, message):
    with pytest.raises(SettingError, match=message):
        _read("small", change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("schedule.epochs=0", r"schedule\.epochs: .*greater than or equal to 1"),
        ("schedule.epochs=many", r"schedule\.epochs: .*valid integer"),
        ("schedule.epochs.first=1", r"schedule\.epochs: .*valid integer"),
        ("schedule=5", r"schedule: "),
        ("loss.kind=hinge", r"loss\.kind: .*'subcentre_arcface'"),
        ("network.input_size=[64]", r"network\.input_size"),
        ("data.validation=1", r"data\.validation: .*less than 1"),
        ("sampling.accumulate=17", r"sampling: accumulate leaves fewer than two pictures in each part"),
        ("loss.kind=triplet", r"set sampling\.each to 2 or more"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(change, message):
    with pytest.raises(SettingError, match=message):
        _read("small", change)


def test_all_faults_are_told_at_once():
    with pytest.raises(SettingError) as caught:
        _read("small", "schedule.epochs=0", "loss.sacle=3")
    assert "schedule.epochs" in str(caught.value)
    assert "did you mean loss.scale?" in str(caught.value)


# ---- files


def test_a_file_holds_only_what_differs_from_the_config_that_it_extends(tmp_path):
    _written(tmp_path / "base.yaml", "extends: small\nschedule: {epochs: 7, peak: 0.5}\n")
    mine = _read(_written(tmp_path / "mine.yaml", "extends: base.yaml\nschedule: {epochs: 9}\n"))
    assert (mine.schedule.epochs, mine.schedule.peak) == (9, 0.5)
    assert mine.schedule.warmup_epochs == _read("small").schedule.warmup_epochs
    assert mine.loss == _read("small").loss


def test_a_config_that_extends_itself_or_nothing_says_so(tmp_path):
    with pytest.raises(SettingError, match="extends itself"):
        _read(_written(tmp_path / "a.yaml", "extends: a.yaml\n"))
    with pytest.raises(SettingError, match=r"nothing.yaml: no such file; shipped configs are .*small"):
        _read(_written(tmp_path / "b.yaml", "extends: nothing.yaml\n"))


def test_relative_paths_of_a_file_start_from_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _written(tmp_path / "deep" / "base.yaml", "data: {replay: [old.csv]}\nnetwork: {weights: w.safetensors}\n")
    text = "extends: deep/base.yaml\ndata: {tables: [a.csv, /srv/b.csv]}\n"
    config = _read(_written(tmp_path / "runs" / "mine.yaml", text.replace("deep", "../deep")))
    assert [path.resolve() for path in config.data.tables] == [tmp_path / "runs" / "a.csv", Path("/srv/b.csv")]
    assert [path.resolve() for path in config.data.replay] == [tmp_path / "deep" / "old.csv"]
    assert config.network.weights.resolve() == tmp_path / "deep" / "w.safetensors"
    _written(tmp_path / "onwards.yaml", "network: {start: model}\n")
    assert _read(tmp_path / "onwards.yaml").network.start.resolve() == tmp_path / "model"


def test_relative_paths_of_the_command_line_start_from_where_it_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _read("small", "data.tables=[a.csv]").data.tables == [tmp_path / "a.csv"]


def test_a_folder_with_the_name_of_a_shipped_config_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small").mkdir()  # as `hanzaki train embedder small small` makes it
    assert _read("small").name == "small"


def test_a_file_with_the_name_of_a_shipped_config_stands_before_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small").write_text("name: mine\n")
    assert _read("small").name == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "holds no keys with values"),
        ("a: [\n", "is not YAML"),
        ("5: 6\n", "cannot be used"),
        ("data: tables\n", "data: "),
        ("data: [a.csv]\n", "data: "),
        ("network: 5\n", "network: "),
        ("schedule:\n", "schedule: "),
        ("data: {tables: a.csv}\n", r"data\.tables: "),
        ("extends: [small]\n", "no such file"),
    ],
)
def test_a_file_that_is_no_config_says_what_is_wrong(text, message, tmp_path):
    with pytest.raises(SettingError, match=message):
        _read(_written(tmp_path / "a.yaml", text))


def test_a_file_that_is_not_text_is_an_error_of_ours(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(SettingError, match="cannot be read"):
        _read(tmp_path / "a.yaml")


def test_a_file_that_is_not_there_names_the_shipped_ones():
    with pytest.raises(SettingError, match=r"smal: no such file; shipped configs are .*small"):
        _read("smal")


def test_an_empty_file_is_all_defaults(tmp_path):
    assert _read(_written(tmp_path / "a.yaml", "# nothing yet\n")) == EmbedderConfig()


# ---- written and read back


_SHARES = st.floats(0, 1)
_RATES = st.floats(1e-12, 10)
_PATHS = st.lists(st.sampled_from(["/a/b.csv", "c d.csv", "ü: #.csv", "ありす.csv"]).map(Path), max_size=3)
_PARTS = {
    "name": st.text(min_size=1),
    "about": st.text(),
    "data": st.fixed_dictionaries({"tables": _PATHS, "mirror": st.booleans(), "licence": st.text()}),
    "network": st.fixed_dictionaries(
        {
            "start": st.none() | st.just(Path("model: 1")),
            "input_size": st.tuples(st.integers(1, 999), st.integers(1, 999)),
            "mean": st.tuples(_SHARES, _SHARES, _SHARES),
            "arguments": st.dictionaries(
                st.text(min_size=1), st.integers() | st.booleans() | st.text(), max_size=3
            ),
        }
    ).map(
        lambda network: {
            key: value for key, value in network.items() if key != "arguments" or not network["start"]
        }
    ),
    "augmentation": st.fixed_dictionaries({"colour": _SHARES, "rotate": st.floats(0, 180)}),
    "schedule": st.fixed_dictionaries({"start": _RATES, "peak": _RATES, "epochs": st.integers(1, 10**6)}),
}


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=_PARTS))
def test_a_config_that_was_written_is_read_back_the_same(tmp_path_factory, values):
    config = checked(values, EmbedderConfig, "the test")
    path = tmp_path_factory.mktemp("configs") / "config.yaml"
    write_config(config, path)
    assert _read(path) == config
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) == set(EmbedderConfig.model_fields)


def test_a_fine_tunings_config_read_back_leaves_the_models_preprocessing_as_unsaid_as_it_was(tmp_path):
    write_config(
        EmbedderConfig.model_validate({"network": {"start": tmp_path, "std": (1, 1, 1)}}), tmp_path / "c.yaml"
    )
    named = _read(tmp_path / "c.yaml").network.model_fields_set
    assert "std" in named
    assert not {"input_size", "mean", "resize", "crop_fraction"} & named
