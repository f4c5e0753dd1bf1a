from __future__ import annotations

import pytest

from hanzaki import Annotations, SettingError, TableError
from hanzaki.evaluation.leaks import Leak, LeakError
from hanzaki.evaluation.split_folder import read_split, write_split
from hanzaki.evaluation.splits import make_split
from tests.evaluation.test_splits import herd, paths


def test_a_split_is_read_as_it_was_written(tmp_path):
    table = Annotations(herd(10, 4).frame, source=tmp_path / "photos" / "t.csv")
    split = make_split(table, "encounter", seed=3, unknown=0.2, validation=0.3)
    (tmp_path / "photos").mkdir()
    write_split(split, tmp_path / "split")
    again = read_split(tmp_path / "split")
    assert (again.protocol, again.seed, again.options) == ("encounter", 3, {"unknown": 0.2, "validation": 0.3})
    assert again.left_out == split.left_out
    for name, part in split.parts.items():
        assert paths(again.parts[name]) == [f"../photos/{path}" for path in paths(part)]
        assert again.individuals(name) == split.individuals(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "split"]


def test_a_split_that_leaks_is_neither_written_nor_read_unless_told_to(tmp_path):
    split = make_split(herd(4, 4), "encounter")
    leak = Leak("same bytes", paths(split.parts["train"])[0], paths(split.parts["test"])[0], ("train", "test"))
    with pytest.raises(LeakError, match="1 same bytes"):
        write_split(split, tmp_path / "split", [leak])
    assert not (tmp_path / "split").exists()
    write_split(split, tmp_path / "split", [leak], allow_leaks=True)
    with pytest.raises(LeakError, match=r"split.json leaks \(1 same bytes\)") as caught:
        read_split(tmp_path / "split")
    assert caught.value.leaks[0].other == paths(read_split(tmp_path / "split", allow_leaks=True).parts["test"])[0]


def test_a_split_is_not_written_over_anything(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SettingError, match="is in the way"):
        write_split(make_split(herd(4, 4), "encounter"), tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"leaks": 3}', None])
def test_a_folder_that_holds_no_split_is_an_error_that_names_the_file(tmp_path, text):
    if text is not None:
        (tmp_path / "split.json").write_text(text)
    with pytest.raises(TableError, match="split.json cannot be used"):
        read_split(tmp_path)
