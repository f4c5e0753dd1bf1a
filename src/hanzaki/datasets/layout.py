"""A folder of somebody's photographs as an annotation table, told by the names of its folders and files."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath

import pandas as pd

from hanzaki.annotations import COLUMNS, Annotations
from hanzaki.datasets import words
from hanzaki.datasets.errors import DatasetError
from hanzaki.datasets.known import KnownSet
from hanzaki.datasets.words import Said
from hanzaki.errors import TableError, printable
from hanzaki.exchange.pictures import SUFFIXES
from hanzaki.exchange.table import read_any

#: The table that a layout makes, and those of the parts into which the authors divided their photographs.
TABLE = "annotations.csv"
PARTS = {part: f"{part}.csv" for part in (words.TRAIN, words.VALIDATION, words.TEST)}

_VIDEOS = frozenset({".mp4", ".mov", ".avi", ".mkv", ".m4v", ".mts"})
_TABLES = frozenset({".csv", ".json"})
_SHOWN_FOLDERS = 20
_LOOKED_AT = 20  # rows of a table whose files are looked for
_PHOTOGRAPHS_EACH = 2  # on average, for a word in file names to be an animal's name
_WORD_ABOUT_IT = "no folder or file name says native, hybrid or the like"


@dataclass(frozen=True)
class Rule:
    """What the user says of names: a regular expression that is looked for in a photograph's path.

    Attributes:
        pattern: the expression.
        value: what it means; None if it means what its first group, or all of it, matches.
    """

    pattern: re.Pattern[str]
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read ``EXPRESSION`` or ``VALUE=EXPRESSION``.

        Raises:
            DatasetError: if it is no regular expression.
        """
        match = re.match(r"([\w ]+)=(?!\))(.+)", text)
        value, expression = (match[1].strip(), match[2]) if match else (None, text)
        try:
            return cls(re.compile(expression), value)
        except re.error as error:
            raise DatasetError(f"{expression!r} is no regular expression: {error}") from error

    def read(self, path: str) -> str | None:
        """What the rule says of a photograph; None if nothing."""
        match = self.pattern.search(path)
        if match is None:
            return None
        return self.value or (match[1] if self.pattern.groups else match[0]) or None


@dataclass(frozen=True)
class Layout:
    """A table that was made of a folder.

    Attributes:
        annotations: a row for each photograph.
        parts: of each row, train, validation or test, as the authors divided them; None where they did not.
        form: what told, in words.
        notes: what the user should know, with how many of each.
    """

    annotations: Annotations
    parts: tuple[str | None, ...]
    form: str
    notes: Mapping[str, int] = field(default_factory=dict)


@dataclass
class _Photograph:
    """What is known of one photograph; ``path`` starts from the folder that is laid out."""

    path: PurePath
    told: tuple[Said, ...]  # by the folders that it lies in, the deepest last, without those around all of them
    around: tuple[Said, ...]  # by those around all photographs
    origin: str | None = None
    part: str | None = None
    identity: str | None = None


def lay_out(
    folder: Path,
    *,
    origin_from: Sequence[Rule] = (),
    identity_from: Sequence[Rule] = (),
    known: KnownSet | None = None,
) -> Layout:
    """Make an annotation table of a folder of photographs.

    In this order: a table that lies in the folder, in any format that ``hanzaki`` reads; the words for origins in
    the names of folders, then of files; folders named by individual.

    Args:
        folder: the folder, with the photographs at any depth.
        origin_from: say the origin where names do not.
        identity_from: say who is who in place of the names of folders and files.
        known: which data set it is, if it is known by name.

    Raises:
        DatasetError: if nothing tells what is what, with the folders that were found.
    """
    if not folder.is_dir():
        raise DatasetError(f"{printable(folder)} is no folder")
    files = list(_walk(folder))
    photographs = _photographs([file for file in files if file.suffix.lower() in SUFFIXES])
    notes = Counter({"videos left out": sum(file.suffix.lower() in _VIDEOS for file in files)})
    if not (origin_from or identity_from):
        published = _published_table(folder, files)
        if published is not None:
            return published
    _tell_origins(photographs, origin_from)
    _tell_parts(photographs)
    if identity_from:
        for photograph in photographs:
            photograph.identity = _first(rule.read(photograph.path.as_posix()) for rule in identity_from)
    else:
        _tell_individuals([photograph for photograph in photographs if photograph.origin], known)
    kept = [one for one in photographs if one.origin or (identity_from and one.identity)]
    if not kept:
        return _by_individual(folder, photographs, notes)
    notes[f"photographs left out, since {_WORD_ABOUT_IT}"] = len(photographs) - len(kept)
    notes["photographs of nobody known"] = sum(one.identity is None for one in kept)
    return _layout(folder, kept, notes, known)


def _walk(folder: Path) -> Iterator[PurePath]:
    """The files below a folder, by name, without hidden ones and what is behind links."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith(".incoming")
        )
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(".part"):
                yield (Path(place) / name).relative_to(folder)


def _photographs(paths: Sequence[PurePath]) -> list[_Photograph]:
    """What lies around all photographs says the same of all, and so the less."""
    tops = [path.parts[:-1] for path in paths]
    common = next(
        (n for n, level in enumerate(zip(*tops, strict=False)) if len(set(level)) > 1),
        min(map(len, tops), default=0),
    )
    read = lru_cache(maxsize=None)(words.said)
    return [
        _Photograph(path, tuple(map(read, top[common:])), tuple(map(read, top[:common])))
        for path, top in zip(paths, tops, strict=True)
    ]


def _tell_origins(photographs: Sequence[_Photograph], rules: Sequence[Rule]) -> None:
    for one in photographs:
        ruled = _first(rule.read(one.path.as_posix()) for rule in rules)
        one.origin = (
            (words.said(ruled).origin or ruled.lower()) if ruled else _nearest(one, lambda said: said.origin)
        )


def _tell_parts(photographs: Sequence[_Photograph]) -> None:
    for one in photographs:
        one.part = _nearest(one, lambda said: said.part)


def _nearest(one: _Photograph, about: Callable[[Said], str | None]) -> str | None:
    """What the deepest folder that says anything says; else the file's name; else the folders around all."""
    names = (*reversed(one.told), words.said(one.path.stem), *reversed(one.around))
    return _first(about(said) for said in names)


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _tell_individuals(photographs: Sequence[_Photograph], known: KnownSet | None) -> None:
    """Give animals the names of their folders, or else those that their photographs are called after."""
    by_folder = {id(one): _animals_folder(one) for one in photographs}
    named: dict[str | None, set[str]] = defaultdict(set)
    for one in photographs:
        if name := by_folder[id(one)]:
            named[one.origin].add(name)
    if any(len(names) > 1 for names in named.values()):  # a folder around all of an origin is of no animal
        for one in photographs:
            one.identity = by_folder[id(one)]
    else:
        _tell_individuals_by_files(photographs)
    _keep_apart(photographs, known is not None and known.apart)


def _animals_folder(one: _Photograph) -> str | None:
    """The folder that may be named after an animal: the deepest, below that of the origin if there is one."""
    folders = one.path.parts[len(one.around) : -1]
    for name, said in zip(reversed(folders), reversed(one.told), strict=True):
        if said.rest:
            return printable(name)
    return None


def _tell_individuals_by_files(photographs: Sequence[_Photograph]) -> None:
    names = [words.animal_of(one.path.stem) for one in photographs]
    counts = Counter((one.origin, name) for one, name in zip(photographs, names, strict=True) if name)
    if len(counts) < 2 or counts.total() < _PHOTOGRAPHS_EACH * len(counts):
        return  # each photograph has a name of its own, or all have the same one
    for one, name in zip(photographs, names, strict=True):
        one.identity = None if name is None else printable(name)


def _keep_apart(photographs: Sequence[_Photograph], apart: bool) -> None:
    """Animal 1 of the natives is not animal 1 of the hybrids; nor, in some sets, 1 of training 1 of the test."""
    origins: dict[str | None, set[str | None]] = defaultdict(set)
    parts: dict[tuple[str | None, str | None], set[str | None]] = defaultdict(set)
    for one in photographs:
        origins[one.identity].add(one.origin)
        parts[one.identity, one.origin].add(one.part)
    by_origin = any(len(found) > 1 for name, found in origins.items() if name)
    by_part = apart and any(len(found) > 1 for (name, _), found in parts.items() if name)
    for one in photographs:
        if one.identity:
            before = (one.origin if by_origin else None, one.part if by_part else None)
            one.identity = " ".join([*filter(None, before), one.identity])


def _layout(
    folder: Path, photographs: Sequence[_Photograph], notes: Counter[str], known: KnownSet | None
) -> Layout:
    species = known.species if known else {}
    cells = [
        {
            "path": one.path.as_posix(),
            "identity": one.identity,
            "species": species.get(one.origin or ""),
            "origin": one.origin,
            "orientation": _first(said.side for said in reversed(one.told)),
            "date": _first(said.day for said in reversed(one.told)),
        }
        for one in photographs
    ]
    frame = pd.DataFrame(cells, columns=list(COLUMNS), dtype=object)
    annotations = Annotations(frame, source=folder / TABLE)
    return Layout(annotations, tuple(one.part for one in photographs), "names of folders and files", dict(+notes))


def _published_table(folder: Path, files: Sequence[PurePath]) -> Layout | None:
    """The table in a folder that leads to the most photographs in it, in any format known here."""
    best: Layout | None = None
    own = {PurePath(name) for name in (TABLE, *PARTS.values())}
    for file in files:
        if file.suffix.lower() not in _TABLES or file in own:
            continue
        try:
            reading = read_any(folder / file)
        except TableError:
            continue  # one of many a file that is no annotation table
        if _leads_to_files(reading.annotations) and (
            best is None or len(reading.annotations) > len(best.annotations)
        ):
            form = f"{printable(file.as_posix())}: {reading.format}"
            best = Layout(reading.annotations, (None,) * len(reading.annotations), form, reading.notes)
    return best


def _leads_to_files(annotations: Annotations) -> bool:
    paths = annotations.frame["path"].head(_LOOKED_AT)
    return any((annotations.folder / path).is_file() for path in paths)


def _by_individual(folder: Path, photographs: Sequence[_Photograph], notes: Counter[str]) -> Layout:
    """The folder as folders named by individual, or an error that shows what was found."""
    around = photographs[0].path.parts[: len(photographs[0].around)] if photographs else ()
    candidates = [folder.joinpath(*around), folder.joinpath(*around[:-1])] if around else [folder]
    for candidate in candidates:
        try:
            reading = read_any(candidate)
        except TableError:
            continue
        if len({row.identity for row in reading.annotations} - {None}) > 1:
            told = (None,) * len(reading.annotations)
            return Layout(reading.annotations, told, reading.format, {**+notes, **reading.notes})
    raise DatasetError(_nothing_told(folder, photographs, notes))


def _nothing_told(folder: Path, photographs: Sequence[_Photograph], notes: Counter[str]) -> str:
    """The error that lists what lies where."""
    if not photographs:
        videos = f", but videos ({notes['videos left out']}), which `hanzaki add` takes" if +notes else ""
        return f"{printable(folder)} holds no photographs ({', '.join(sorted(SUFFIXES))}){videos}"
    found: dict[str, list[str]] = defaultdict(list)
    for one in photographs:
        found[one.path.parent.as_posix()].append(one.path.name)
    lines = [
        f"  {printable(place)}/{printable(names[0])}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for place, names in list(found.items())[:_SHOWN_FOLDERS]
    ]
    if len(found) > _SHOWN_FOLDERS:
        lines.append(f"  and {len(found) - _SHOWN_FOLDERS} more folders")
    advice = (
        "Say it with regular expressions on these paths: --origin-from 'native=/N\\d+' "
        "--origin-from 'hybrid=/H\\d+' --identity-from '/([NH]\\d+)_'; or rename the folders"
    )
    return "\n".join([f"{printable(folder)}: {_WORD_ABOUT_IT}. Found:", *lines, advice])
