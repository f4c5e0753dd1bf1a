from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanzaki.datasets.words import animal_of, said


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("native", "native"),
        ("Natives", "native"),
        ("TrainNative", "native"),
        ("01_native_224x224", "native"),
        ("Japanese giant salamander", "native"),
        ("Andrias_japonicus", "native"),
        ("在来種", "native"),
        ("non-hybrid", "native"),
        ("HYBRIDS", "hybrid"),
        ("hybrid_test", "hybrid"),
        ("Japanese hybrid", "hybrid"),
        ("Andrias japonicus × Andrias davidianus", "hybrid"),
        ("A. japonicus x A. davidianus", "hybrid"),
        ("交雑個体", "hybrid"),
        ("Chinese giant salamanders", "introduced"),
        ("non-native", "introduced"),
        ("Andrias davidianus", "introduced"),
        ("native_vs_hybrid", None),
        ("Japanese and Chinese giant salamander", None),
        ("alternative", None),
        ("images", None),
        ("", None),
    ],
)
def test_names_tell_the_origin(name, origin):
    assert said(name).origin == origin


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("Training images", "train"),
        ("val", "validation"),
        ("test_hybrid", "test"),
        ("TestNative", "test"),
        ("train_test", None),
        ("testudo", None),
    ],
)
def test_names_tell_the_part(name, part):
    assert said(name).part == part


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("Sakura", ("sakura",)),
        ("hybrid_03", ("03",)),
        ("N3", ("n", "3")),
        ("individual 7", ("7",)),
        ("native_224x224", ()),
        ("Andrias japonicus x Andrias davidianus", ()),
        ("train images", ()),
        ("2022-08-20", ()),
    ],
)
def test_what_is_left_may_name_an_animal(name, rest):
    assert said(name).rest == rest


def test_days_and_sides():
    assert said("20220820").day == "2022-08-20"
    assert said("20221399").day is None
    assert said("Left").side == "left"
    assert said("left bank").side is None


@pytest.mark.parametrize(
    ("stem", "animal"),
    [
        ("N3_0012", "N3"),
        ("native_03_0012", "03"),
        ("Hybrid-H05-frame12", "H05"),
        ("Sakura (2)", "Sakura"),
        ("Sakura", "Sakura"),
        ("IMG_1234", None),
        ("DSC01234", None),
        ("IMG_1234_0001", None),
        ("20220820_123456", None),
        ("0012", None),
        ("hybrid12", None),
        ("photo 3", None),
    ],
)
def test_files_called_after_an_animal(stem, animal):
    assert animal_of(stem) == animal


@given(st.text(max_size=30))
def test_any_name_can_be_read(name):
    told = said(name)
    assert told.origin in {None, "native", "hybrid", "introduced"}
    assert told.part in {None, "train", "validation", "test"}
    assert animal_of(name) != ""


@given(
    st.sampled_from(["native", "hybrid"]),
    st.sampled_from(["train", "test"]),
    st.booleans(),
    st.sampled_from(" _-."),
)
def test_case_order_and_what_is_between_do_not_matter(origin, part, upper, between):
    for pair in ((origin, part), (part, origin)):
        name = between.join(pair)
        told = said(name.upper() if upper else name)
        assert (told.origin, told.part, told.rest) == (origin, part, ())
