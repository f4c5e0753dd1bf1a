"""What each query was answered: enough to show and explain a result; memory linear in the annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from hanzaki.evaluation.metrics import ranking_metrics

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Scores = npt.NDArray[np.floating]

#: The k of top-k.
KS = (1, 5, 10, 20)
MEASURES = (*(f"top{k}" for k in KS), "map")

#: How many of the nearest annotations are kept of each query.
NEAREST = 5


@dataclass(frozen=True)
class Answers:
    """The answers to q queries, by their positions in the table of annotations that were compared.

    Attributes:
        frame: the n annotations that were compared, in their order; positions are rows of it.
        query: (q,) position of each query.
        nearest: (q, 5) positions of the best, best first; -1 where the contest had fewer. Those that tie stand in
            an order drawn by lot, the same one every time, since the order of the table is no merit.
        scores: (q, 5) their scores; NaN where there is none.
        match: (q,) position of the best annotation of the right individual.
        match_score: (q,) its score.
        above: (q,) how many annotations score above it.
        tied: (q,) how many score as it does, itself among them.
        tied_right: (q,) how many of these are of the right individual.
        contest: (q,) how many annotations the query was compared with.
        matches: (q,) how many of these are of the right individual.
        margin: (q,) by how much the best individual's score beats the second individual's; an annotation of nobody
            known counts as an individual of its own. NaN where there was but one.
        measures: (q, 5) the columns of :data:`MEASURES`.
    """

    frame: pd.DataFrame
    query: Integers
    nearest: Integers
    scores: Floats
    match: Integers
    match_score: Floats
    above: Integers
    tied: Integers
    tied_right: Integers
    contest: Integers
    matches: Integers
    margin: Floats
    measures: Floats

    def __len__(self) -> int:
        return len(self.query)

    @property
    def rank(self) -> Floats:
        """(q,) the place of the first right annotation, 1 = first; its mean over all orders of what ties."""
        # the first of r things among t in random order stands, on average, at (t + 1) / (r + 1)
        return np.asarray(self.above + (self.tied + 1) / (self.tied_right + 1), np.float64)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the annotation that stands first is of the right individual; bool (q,)."""
        identities = self.frame["identity"].to_numpy()
        return np.asarray(identities[self.nearest[:, 0]] == identities[self.query], bool)

    @property
    def individuals(self) -> list[tuple[str | None, str]]:
        """The species and identity of each query; two species may use the same names."""
        asked = self.frame.iloc[self.query]
        return list(zip(asked["species"], asked["identity"], strict=True))

    def match_curve(self, ks: Sequence[int]) -> Floats:
        """Cumulative match: the chance of each query that one of its first k is right, (q, len(ks)).

        Ties count as in :func:`hanzaki.evaluation.metrics.ranking_metrics`.
        """
        return _hits(self.above, self.tied, self.tied_right, ks)

    def chance_curve(self, ks: Sequence[int]) -> Floats:
        """What :meth:`match_curve` would be if all annotations stood in random order, (q, len(ks))."""
        return _hits(np.zeros_like(self.contest), self.contest, self.matches, ks)

    @classmethod
    def of(cls, frame: pd.DataFrame, rows: Sequence[Answer]) -> Answers:
        """The answers in the order of the table.

        Args:
            frame: the annotations that were compared.
            rows: one a query, in any order.
        """
        rows = sorted(rows, key=lambda row: row.query)

        def whole(name: str) -> Integers:
            return np.array([getattr(row, name) for row in rows], np.intp)

        def real(name: str) -> Floats:
            return np.array([getattr(row, name) for row in rows], np.float64)

        return cls(
            frame=frame,
            query=whole("query"),
            nearest=whole("nearest").reshape(-1, NEAREST),
            scores=real("scores").reshape(-1, NEAREST),
            match=whole("match"),
            match_score=real("match_score"),
            above=whole("above"),
            tied=whole("tied"),
            tied_right=whole("tied_right"),
            contest=whole("contest"),
            matches=whole("matches"),
            margin=real("margin"),
            measures=real("measures").reshape(-1, len(MEASURES)),
        )

    def as_frame(self) -> pd.DataFrame:
        """One row a query, as ``queries.csv`` has them."""
        rows = self.frame.iloc[self.query].reset_index(drop=True)
        rows["bbox"] = [None if box is None else str(box) for box in rows["bbox"]]
        rows["right"] = self.right
        rows["rank"] = self.rank
        rows["compared_with"] = self.contest
        rows["margin"] = self.margin
        for place in range(NEAREST):
            for name in ("identity", "path"):
                values = self.frame[name].to_numpy()
                rows[f"{name}_{place + 1}"] = [None if at < 0 else values[at] for at in self.nearest[:, place]]
            rows[f"score_{place + 1}"] = self.scores[:, place]
        rows["path_of_match"] = self.frame["path"].to_numpy()[self.match]
        rows["score_of_match"] = self.match_score
        return rows


def _hits(above: Integers, tied: Integers, right: Integers, ks: Sequence[int]) -> Floats:
    from scipy.stats import hypergeom  # takes longer to import than most tables take to evaluate

    places = np.clip(np.asarray(ks)[None, :] - above[:, None], 0, tied[:, None])
    return np.asarray(hypergeom.sf(0, tied[:, None], right[:, None], places), np.float64)


class Answer(NamedTuple):
    """One row of :class:`Answers`."""

    query: int
    match: int
    above: int
    tied: int
    tied_right: int
    contest: int
    matches: int
    match_score: float
    margin: float
    nearest: Integers
    scores: Floats
    measures: Floats


class Contest:
    """Annotations that are compared with each other: what one query is answered in it.

    Args:
        frame: the annotations of the whole table, with ``identity``.
        members: positions of those of the contest.
    """

    def __init__(self, frame: pd.DataFrame, members: Integers) -> None:
        self.members = members
        self._identities = frame["identity"].to_numpy()[members]
        keys = [place if name is None else name for place, name in enumerate(self._identities)]
        self._codes = pd.factorize(np.array(keys, object))[0]
        self._by_individual = self._codes.argsort(kind="stable")
        self._starts = np.flatnonzero(np.diff(self._codes[self._by_individual], prepend=-1))

    def queries(self) -> Integers:
        """Places of the members whose individual is seen again among the others."""
        counts = pd.Series(self._identities, dtype=object).value_counts()
        return np.flatnonzero([name is not None and counts[name] > 1 for name in self._identities])

    def answer(self, query: int, scores: Scores) -> Answer:
        """What one query was answered.

        Args:
            query: its place among the members.
            scores: (m,) of the members; -inf = not in the contest.
        """
        relevant = self._codes == self._codes[query]  # numbers compare a hundred times as fast as names
        measures = ranking_metrics(scores, relevant, KS)
        match = int(np.where(relevant, scores, -np.inf).argmax())
        tied, there = scores == scores[match], scores > -np.inf
        first = self._first(query, scores, min(NEAREST, int(np.count_nonzero(there))))
        padding = (0, NEAREST - len(first))
        return Answer(
            query=int(self.members[query]),
            match=int(self.members[match]),
            above=int(np.count_nonzero(scores > scores[match])),
            tied=int(np.count_nonzero(tied)),
            tied_right=int(np.count_nonzero(tied & relevant)),
            contest=int(np.count_nonzero(there)),
            matches=int(np.count_nonzero(there & relevant)),
            match_score=float(scores[match]),
            margin=self._margin(scores),
            nearest=np.pad(self.members[first], padding, constant_values=-1),
            scores=np.pad(scores[first].astype(np.float64), padding, constant_values=np.nan),
            measures=measures,
        )

    def _first(self, query: int, scores: Scores, count: int) -> Integers:
        """Places of the best, best first; ties by lot, drawn anew for each query."""
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        places = np.flatnonzero(scores >= least)
        lots = np.random.default_rng(int(self.members[query])).permutation(len(places))
        order = np.lexsort((lots, -scores[places]))
        return np.asarray(places[order[:count]], np.intp)

    def _margin(self, scores: Scores) -> float:
        best = np.maximum.reduceat(scores[self._by_individual], self._starts)
        if np.count_nonzero(best > -np.inf) < 2:
            return float("nan")
        second, first = np.partition(best, len(best) - 2)[-2:]
        return float(first) - float(second)
