"""What holds for the whole house: its public names, its speed at the door, and that the field needs no torch."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

import hanzaki

FIELD_WORK = """
import sys
for name in ("torch", "torchvision", "timm", "lightning"):
    sys.modules[name] = None  # importing it now raises ImportError
import hanzaki, hanzaki.cli.app
from hanzaki.virtual import write_photographs
from pathlib import Path
folder = Path(sys.argv[1])
write_photographs(folder / "photos", 2, surveys=1, photographs=1, newcomers=0, size=(160, 120))
catalogue = hanzaki.init(folder / "river")
catalogue.add(table=folder / "photos" / "annotations.csv")
catalogue.identify(1, model=sys.argv[2])
catalogue.identify(1)
hanzaki.evaluate(folder / "photos" / "annotations.csv", model=sys.argv[2])
"""


def test_exported_names():
    assert sorted(hanzaki.__all__) == [
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


@pytest.mark.parametrize("name", hanzaki.__all__)
def test_every_exported_name_is_there(name: str):
    assert getattr(hanzaki, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = hanzaki.opne


def test_the_field_half_works_where_torch_cannot_be_imported(tmp_path, model_folder):
    subprocess.run([sys.executable, "-c", FIELD_WORK, tmp_path, model_folder], check=True)


def test_help_answers_in_under_0_4_seconds_of_processor_time():
    seconds = []
    for _ in range(3):  # the first run may have to compile
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "hanzaki", "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.4


def test_importing_hanzaki_imports_nothing_heavy():
    code = "import sys, hanzaki, hanzaki.cli.app; print([n for n in sys.argv[1:] if n in sys.modules])"
    heavy = ["torch", "numpy", "pandas", "cv2", "openvino", "sqlalchemy", "PIL"]
    result = subprocess.run([sys.executable, "-c", code, *heavy], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_no_machine_is_named_in_the_package():
    root = Path(hanzaki.__file__).parent
    found = subprocess.run(["grep", "-rnE", "/work/|/root/|/home/", root, "--include=*.py"], capture_output=True)
    assert found.stdout == b""
