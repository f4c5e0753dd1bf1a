"""Names by the nearest: whom each photograph is taken for, judged by photographs of known animals."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hanzaki.errors import BadMedium, printable
from hanzaki.evaluation.classification import Classification, judge_labels
from hanzaki.evaluation.leaks import Leak
from hanzaki.evaluation.openset import OpenSet, judge_open_set
from hanzaki.evaluation.protocols import Described
from hanzaki.matching.index import build_index


def name_by_nearest(known: Described, asked: Described) -> pd.DataFrame:
    """Give each photograph the name of the most alike among the known: of its own side, where sides are told.

    Args:
        known: described annotations with identities: what was learnt from, or a reference.
        asked: described annotations to be named, by the same model.

    Returns:
        one row for each of ``asked``: its ``identity`` and ``species``, the name ``given``, and the ``score`` of
        the most alike (-inf, and no name, where nobody of its side is known).
    """
    sides = (known.frame["orientation"].fillna(""), asked.frame["orientation"].fillna(""))
    named = asked.frame[["identity", "species"]].assign(given=None, score=-np.inf)
    for side in sorted(set(sides[1])):
        rows, queries = (np.flatnonzero(part == side) for part in sides)
        if not len(rows):
            continue
        names = known.frame["identity"].to_numpy()[rows]
        references = [known.descriptions[int(row)] for row in rows]
        index = build_index(references, names.tolist(), [str(side)] * len(rows))
        asks = [asked.descriptions[int(query)] for query in queries]
        best = [(names[scores.argmax()], scores.max()) for block in index.search(asks) for scores in block]
        named.loc[queries, ["given", "score"]] = pd.DataFrame(best, index=queries).to_numpy()
    return named.astype({"score": float})


@dataclass(frozen=True)
class Named:
    """How well photographs were named by a reference.

    Attributes:
        answers: as :func:`name_by_nearest` gives them, and whether the individual is ``known``.
        closed: of the photographs of known individuals, how well they were named; None if there are none.
        open: how strangers are told from the known; None if there are no strangers, or nobody else.
        leaks: what stands on both sides, where that was allowed.
        bad: pictures that could not be used.
        seconds: of the whole run.
    """

    answers: pd.DataFrame
    closed: Classification | None
    open: OpenSet | None
    leaks: tuple[Leak, ...]
    bad: tuple[BadMedium, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that ``hanzaki evaluate --against --json`` prints."""
        return {
            "photographs": len(self.answers),
            "closed": None if self.closed is None else self.closed.as_json(),
            "open": None if self.open is None else self.open.as_json(),
            "leaks": dict(Counter(leak.kind for leak in self.leaks)),
            "bad": [{"path": printable(bad.path), "reason": bad.reason} for bad in self.bad],
            "seconds": round(self.seconds, 3),
        }


def judge_names(known: Described, asked: Described, leaks: Sequence[Leak] = ()) -> Named:
    """Name described photographs by described references, and judge the names.

    Individuals are told apart by species and identity; a photograph of nobody known to the table is not judged.

    Args:
        known: the references.
        asked: the photographs to be named.
        leaks: what is known to stand on both sides.
    """
    named = name_by_nearest(known, asked)
    named = named[named["identity"].notna()].reset_index(drop=True)
    species = named["species"].fillna("")
    who = list(zip(species, named["identity"], strict=True))
    references = set(zip(known.frame["species"].fillna(""), known.frame["identity"], strict=True))
    named["known"] = [one in references for one in who]
    right = (named["given"] == named["identity"]) & named["known"]
    told = named[named["known"] & named["given"].notna()]
    closed, opened = None, None
    if len(told):
        truth, given = told["identity"].tolist(), told["given"].tolist()
        closed = judge_labels(truth, given, sorted({*truth, *given}), truth)
    if named["known"].any() and not named["known"].all():
        scores, is_known = named["score"].to_numpy(float), named["known"].to_numpy(bool)
        opened = judge_open_set(scores, is_known, right.to_numpy(bool), who)
    seconds = time.perf_counter() - min(known.started, asked.started)
    return Named(named, closed, opened, tuple(leaks), (*known.bad, *asked.bad), seconds)
