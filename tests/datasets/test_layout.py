"""Folders as people publish them become tables; what cannot be told is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.known import KNOWN
from hanzaki.datasets.layout import Layout, Rule, lay_out
from tests.exchange.writers import write_folders

HYBRIDS = KNOWN["salamander-hybrids"]


def told(layout: Layout) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Of each photograph: origin, part, identity."""
    rows = zip(layout.annotations, layout.parts, strict=True)
    return {row.path: (row.origin, part, row.identity) for row, part in rows}


LAYOUTS = {
    "origin/individual": (
        ["native/N1/1.jpg", "native/N2/1.jpg", "hybrid/H1/1.jpg", "hybrid/H2/2.jpg"],
        [("native", None, "N1"), ("native", None, "N2"), ("hybrid", None, "H1"), ("hybrid", None, "H2")],
    ),
    "part/origin/number: number 1 of the natives is not number 1 of the hybrids": (
        ["Train/Natives/1/a.jpg", "Train/Natives/2/a.jpg", "Test/Hybrids/1/a.jpg", "Test/Hybrids/2/a.jpg"],
        [
            ("native", "train", "native 1"),
            ("native", "train", "native 2"),
            ("hybrid", "test", "hybrid 1"),
            ("hybrid", "test", "hybrid 2"),
        ],
    ),
    "origin_part in one name": (
        ["hybrid_test/IMG_1.jpg", "hybrid_train/IMG_2.jpg", "native_test/IMG_3.jpg", "native_val/IMG_4.jpg"],
        [
            ("hybrid", "test", None),
            ("hybrid", "train", None),
            ("native", "test", None),
            ("native", "validation", None),
        ],
    ),
    "file names alone": (
        [
            "img/H1_01.jpg",
            "img/hybrid_H2_01.jpg",
            "img/hybrid_H2_02.jpg",
            "img/native_N1_01.jpg",
            "img/native_N1_02.jpg",
        ],
        [("hybrid", None, "H2"), ("hybrid", None, "H2"), ("native", None, "N1"), ("native", None, "N1")],
    ),
    "file names of individuals in folders of origins": (
        ["hybrid/A_1.jpg", "hybrid/A_2.jpg", "native/B_1.jpg", "native/B_2.jpg"],
        [("hybrid", None, "A"), ("hybrid", None, "A"), ("native", None, "B"), ("native", None, "B")],
    ),
    "a folder around all says less than those within": (
        ["hybrid salamanders/native/1.jpg", "hybrid salamanders/hybrid/1.jpg"],
        [("native", None, None), ("hybrid", None, None)],
    ),
    "all are hybrids": (["data/hybrid/1.jpg", "data/hybrid/2.jpg"], [("hybrid", None, None)] * 2),
    "archives of origins": (
        ["unpacked/native/images/1.jpg", "unpacked/hybrid/images/2.jpg"],
        [("native", None, None), ("hybrid", None, None)],
    ),
    "Latin names": (
        ["Andrias japonicus/a/1.jpg", "Andrias japonicus/b/1.jpg", "Andrias japonicus x A davidianus/c/1.jpg"],
        [("native", None, "a"), ("native", None, "b"), ("hybrid", None, "c")],
    ),
    "individuals around origins": (
        ["Sakura/native/1.jpg", "Ume/native/1.jpg", "Kiku/hybrid/1.jpg"],
        [("native", None, "Sakura"), ("native", None, "Ume"), ("hybrid", None, "Kiku")],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path, name):
    paths, expected = LAYOUTS[name]
    layout = lay_out(write_folders(paths, tmp_path / "set"))
    assert layout.form == "names of folders and files"
    found = told(layout)
    assert [found.get(path) for path in paths if path in found] == expected
    assert all((layout.annotations.folder / path).is_file() for path in found)


def test_days_sides_and_species_of_a_known_set(tmp_path):
    root = write_folders(
        ["native/N1/2022-08-20/left/1.jpg", "native/N2/2022-08-20/1.jpg", "hybrid/H/1.jpg"], tmp_path
    )
    rows = {row.path: row for row in lay_out(root, known=HYBRIDS).annotations}
    first = rows["native/N1/2022-08-20/left/1.jpg"]
    assert (first.identity, first.orientation, first.date.isoformat()) == ("N1", "left", "2022-08-20T00:00:00")
    assert first.species == "Andrias japonicus"
    assert rows["hybrid/H/1.jpg"].species == "Andrias japonicus × Andrias davidianus"


def test_in_a_set_whose_parts_hold_different_animals_a_number_in_both_is_two(tmp_path):
    root = write_folders(
        [f"{part}/native/{n}/1.jpg" for part in ("train", "test") for n in (1, 2)], tmp_path / "set"
    )
    assert {identity for *_, identity in told(lay_out(root)).values()} == {"1", "2"}
    names = {identity for *_, identity in told(lay_out(root, known=HYBRIDS)).values()}
    assert names == {"train 1", "train 2", "test 1", "test 2"}


def test_what_nothing_tells_of_is_left_out_and_counted(tmp_path):
    root = write_folders(
        ["native/1.jpg", "hybrid/1.jpg", "hybrid/1.mov", "figures/roc.png", "code/a.py"], tmp_path
    )
    layout = lay_out(root)
    assert set(told(layout)) == {"native/1.jpg", "hybrid/1.jpg"}
    assert layout.notes == {
        "videos left out": 1,
        "photographs left out, since no folder or file name says native, hybrid or the like": 1,
        "photographs of nobody known": 2,
    }


def test_rules_say_what_names_do_not(tmp_path):
    root = write_folders(["a/N12_1.jpg", "a/H3_1.jpg", "a/x.jpg"], tmp_path / "set")
    rules = [Rule.parse(r"native=/N\d"), Rule.parse(r"hybrid=/H\d")]
    layout = lay_out(root, origin_from=rules, identity_from=[Rule.parse(r"/([NH]\d+)_")])
    assert told(layout) == {"a/H3_1.jpg": ("hybrid", None, "H3"), "a/N12_1.jpg": ("native", None, "N12")}


def test_a_rule_without_a_value_means_what_it_matches(tmp_path):
    root = write_folders(["set-Natives/1.jpg", "set-wild/2.jpg"], tmp_path / "set")
    layout = lay_out(root, origin_from=[Rule.parse(r"set-(\w+)")])
    assert [row.origin for row in layout.annotations] == ["native", "wild"]


def test_a_rule_of_who_is_who_needs_no_origin(tmp_path):
    root = write_folders(["x/zebra-1-a.jpg", "x/zebra-2-a.jpg"], tmp_path / "set")
    layout = lay_out(root, identity_from=[Rule.parse(r"zebra-(\d+)")])
    assert [row.identity for row in layout.annotations] == ["1", "2"]


@pytest.mark.parametrize("text", ["(", "native=("])
def test_what_is_no_rule(text):
    with pytest.raises(DatasetError, match="is no regular expression"):
        Rule.parse(text)


def test_rules_with_an_equals_sign_within():
    assert Rule.parse("(?=N)N").value is None
    assert Rule.parse("pure native=N=1") == Rule.parse("pure native=N=1")
    assert Rule.parse("pure native=N=1").value == "pure native"


def test_a_table_in_the_set_comes_first(tmp_path):
    root = write_folders(["native/1.jpg", "hybrid/2.jpg"], tmp_path / "set")
    (root / "results.csv").write_text("epoch,loss\n1,2\n")
    (root / "package.json").write_text(json.dumps({"name": "x"}))
    (root / "meta").mkdir()
    (root / "meta" / "who.csv").write_text(
        "path,identity,origin\n../native/1.jpg,Sakura,Native\n../hybrid/2.jpg,Ume,Hybrid\n"
    )
    layout = lay_out(root)
    assert layout.form == "meta/who.csv: identity table"
    assert [(row.identity, row.origin) for row in layout.annotations] == [("Sakura", "native"), ("Ume", "hybrid")]


def test_a_table_whose_photographs_are_not_there_is_passed_over(tmp_path):
    root = write_folders(["native/1.jpg", "hybrid/2.jpg"], tmp_path / "set")
    (root / "who.csv").write_text("path,identity\nelsewhere/1.jpg,Sakura\n")
    assert lay_out(root).form == "names of folders and files"


@pytest.mark.parametrize("around", ["", "images/", "unpacked/zebras/images/"])
def test_folders_of_individuals_need_no_origin(tmp_path, around):
    root = write_folders(
        [f"{around}{name}/{n}.jpg" for name in ("Sakura", "Ume") for n in (1, 2)], tmp_path / "set"
    )
    layout = lay_out(root)
    assert layout.form == "folders: identity/photograph"
    assert [row.identity for row in layout.annotations] == ["Sakura", "Sakura", "Ume", "Ume"]
    assert all((layout.annotations.folder / row.path).is_file() for row in layout.annotations)


def test_where_nothing_tells_the_folders_are_listed(tmp_path):
    root = write_folders([f"a/b/{n}/IMG_{n}.jpg" for n in range(25)] + ["a/c.jpg"], tmp_path / "set")
    with pytest.raises(DatasetError) as caught:
        lay_out(root)
    text = str(caught.value)
    assert "a/b/0/IMG_0.jpg\n" in text
    assert "and 6 more folders" in text
    assert "--origin-from 'native=" in text


def test_no_photographs_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="holds no photographs .* but videos .1., which `hanzaki add` takes"):
        lay_out(write_folders(["a/1.MOV", "a/2.txt"], tmp_path / "set"))
    with pytest.raises(DatasetError, match="is no folder"):
        lay_out(tmp_path / "nowhere")


def test_hidden_files_links_and_parts_are_passed_over(tmp_path):
    root = write_folders(
        ["native/1.jpg", "native/.2.jpg", ".git/hybrid/1.jpg", "hybrid.incoming/1.jpg"], tmp_path / "set"
    )
    (root / "hybrid").symlink_to(root / "native")
    assert set(told(lay_out(root))) == {"native/1.jpg"}


@settings(deadline=None)  # it writes files
@given(
    st.lists(
        st.tuples(st.sampled_from(["native", "hybrid"]), st.integers(1, 4), st.integers(1, 3)),
        min_size=1,
        unique=True,
    )
)
def test_no_animal_has_two_origins(tmp_path_factory, photographs):
    paths = [f"{origin}/{animal}/{number}.jpg" for origin, animal, number in photographs]
    layout = lay_out(write_folders(paths, tmp_path_factory.mktemp("set")))
    assert len(layout.annotations) == len(paths)
    owners: dict[str, set[str]] = {}
    for origin, _, identity in told(layout).values():
        if identity is not None:
            owners.setdefault(identity, set()).add(origin)
    assert all(len(origins) == 1 for origins in owners.values())


def test_paths_are_plain(tmp_path):
    root = write_folders(["native/1.jpg", "hybrid/1.jpg"], tmp_path / "set")
    assert [Path(row.path).parts[0] for row in lay_out(root).annotations] == ["hybrid", "native"]
