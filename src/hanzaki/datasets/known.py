"""Data sets that are known by name, and how a data set is named at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hanzaki.datasets.errors import DatasetError

_NUMBER = re.compile(
    r"(?:zenodo:|(?:https?://(?:dx\.)?doi\.org/|doi:)?10\.5281/zenodo\.|https?://[^/]+/(?:api/)?records?/)(\d+)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class KnownSet:
    """A data set that hanzaki knows by name.

    What the repository alone can say, licence and size, is asked of it when the data set is fetched.

    Attributes:
        name: by which the user calls it.
        record: its number at Zenodo.
        about: what it holds.
        citation: how to cite it.
        species: of each origin, the scientific name; hybrids as in Darwin Core.
        apart: whether train and test hold different animals, so that a number in both is two animals.
    """

    name: str
    record: int
    about: str
    citation: str
    species: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False

    @property
    def doi(self) -> str:
        """The DOI, which Zenodo makes from the record's number."""
        return f"10.5281/zenodo.{self.record}"


_HYBRIDS = KnownSet(
    name="salamander-hybrids",
    record=7878678,
    about="native Japanese giant salamanders (11) and hybrids with the Chinese one (20), by smartphone",
    citation=(
        "Takaya, Taguchi & Ise: Identification of hybrids between the Japanese giant salamander and Chinese giant "
        "salamander using deep learning and smartphone images. Zenodo, https://doi.org/10.5281/zenodo.7878678"
    ),
    species={
        "native": "Andrias japonicus",
        "introduced": "Andrias davidianus",
        "hybrid": "Andrias japonicus × Andrias davidianus",
    },
    apart=True,  # 5 + 5 individuals to train with, 6 + 15 others to test
)

#: By name.
KNOWN = {known.name: known for known in (_HYBRIDS,)}


def record_number(source: str) -> int:
    """The number of the record at Zenodo that is meant.

    Args:
        source: a name of :data:`KNOWN`, ``zenodo:7878678``, a DOI of Zenodo, or the address of a record's page.

    Raises:
        DatasetError: if it is none of these.
    """
    if source in KNOWN:
        return KNOWN[source].record
    match = _NUMBER.fullmatch(source.strip())
    if match is None:
        raise DatasetError(
            f"{source!r} is no data set: write zenodo:NUMBER, a DOI of Zenodo, the name of one that "
            f"`hanzaki data list` shows ({', '.join(KNOWN)}), or a folder that is there"
        )
    return int(match[1])


def known_by_number(number: int | None) -> KnownSet | None:
    """The known data set that this record is."""
    return next((known for known in KNOWN.values() if known.record == number), None)


def folder_for(number: int) -> Path:
    """Where a data set goes if nobody says."""
    known = known_by_number(number)
    return Path(known.name if known else f"zenodo-{number}")
