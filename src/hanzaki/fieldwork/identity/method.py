"""How animals are compared: by which models, how closely, and which records count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanzaki import defaults
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import BadMedium, ModelError, SettingError, printable
from hanzaki.fieldwork.describe import DescribeReport, describe
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.matching.choice import check_prior
from hanzaki.matching.evidence import Facts
from hanzaki.settings import settings
from hanzaki.vision.describing import SIFT, Describer, load_describer
from hanzaki.vision.model import (
    LearnedPointsConfig,
    PointMatcherConfig,
    find_model,
    load_any_model,
    load_point_matcher_model,
)
from hanzaki.vision.point_matcher import PointMatcher

#: Of how many photographs of the gallery keypoints take a closer look, unless said otherwise.
VERIFY = 1000

#: How often a recorded sex is taken to be wrong.
SEX_ERROR = 0.05

#: A model's name or folder, or several that speak together.
Models = str | Path | Sequence[str | Path]

_EMBEDDING, _KEYPOINTS = "embedding", "keypoints"


@dataclass(frozen=True)
class Method:
    """How animals are compared.

    Attributes:
        describers: what describes photographs, one or more.
        matchers: learned matchers, each with the name of the describer whose keypoints it pairs.
        verify: of how many annotations of the gallery, of each flank, keypoints take a closer look if there is an
            embedding to choose them; without one they are compared with all. A learned matcher, which costs most,
            is asked about so many at any rate.
        facts: which records count.
        any_side: also compare left flanks with right ones.
        prior_new: probability that an animal is new, before it is looked at; None = the calibration's.

    Raises:
        SettingError: if nothing compares, something stands twice, ``verify`` is not positive, or the prior is no
            probability.
    """

    describers: tuple[Describer, ...]
    matchers: tuple[tuple[str, PointMatcher], ...] = ()
    verify: int = VERIFY
    facts: Facts = field(default_factory=Facts)
    any_side: bool = False
    prior_new: float | None = None

    def __post_init__(self) -> None:
        if not self.describers:
            raise SettingError("name a model to compare with")
        named = [each.name for each in self.describers] + [learned_name(*each) for each in self.matchers]
        if twice := [name for name, times in Counter(named).items() if times > 1]:
            raise SettingError(f"{', '.join(twice)} is named twice, and would count twice: name it once")
        if self.verify < 1:
            raise SettingError(f"verify {self.verify}: ask for a closer look at one photograph or more")
        if self.prior_new is not None:
            try:
                check_prior(self.prior_new)
            except ValueError as error:
                raise SettingError(str(error)) from error

    @property
    def kinds(self) -> dict[str, str]:
        """``embedding`` or ``keypoints``, by name of the evidence; the embeddings, which choose, stand first."""
        kinds = {each.name: each.kind for each in self.describers if each.kind == _EMBEDDING}
        kinds |= {each.name: each.kind for each in self.describers if each.kind != _EMBEDDING}
        return kinds | {learned_name(*each): _KEYPOINTS for each in self.matchers}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the kinds of evidence, in order; a calibration is kept for exactly these."""
        return tuple(sorted(self.kinds))

    @property
    def asks_records(self) -> bool:
        """Whether any record counts."""
        facts = self.facts
        return any(value is not None for value in (facts.sex_error, facts.moved_km, facts.oldest_years))


def learned_name(describer: str, matcher: PointMatcher) -> str:
    """By which the fusion knows what a learned matcher says of a describer's keypoints."""
    return f"{matcher.name} on {describer}"


def load_method(
    models: Models = defaults.MODEL,
    *,
    verify: int = VERIFY,
    facts: Facts | None = None,
    any_side: bool = False,
    prior_new: float | None = None,
) -> Method:
    """The method of models that are named.

    Args:
        models: names of shipped models, model folders, or ``sift``. The folder of a point matcher goes with the
            learned points model before it.
        verify: of how many photographs keypoints take a closer look, if an embedding can choose them.
        facts: which records count; None = none.
        any_side: also compare left flanks with right ones.
        prior_new: probability that an animal is new; None = the calibration's.

    Raises:
        ModelError: if there is no such model, or it compares nothing.
        SettingError: as :class:`Method`, or if a point matcher has no learned points before it, or not its own.
    """
    describers: list[Describer] = []
    matchers: list[tuple[str, PointMatcher]] = []
    learned: tuple[str, int] | None = None
    for which in [models] if isinstance(models, (str, Path)) else models:
        config = None if str(which) == SIFT else load_any_model(_found(which)).config
        if isinstance(config, PointMatcherConfig):
            if learned is None:
                raise SettingError(
                    f"{printable(which)} pairs the keypoints of a model: name that model before it, as in"
                    f" `--with POINTS --with {printable(which)}`"
                )
            points, size = learned
            if config.embedding_size != size:
                raise SettingError(
                    f"{printable(which)} pairs points of {config.embedding_size} numbers, and {points} describes"
                    f" them by {size}: name the model that it was trained with before it"
                )
            folder = load_point_matcher_model(find_model(which))
            matchers.append((points, PointMatcher(folder, settings().runtime, settings().threads)))
            continue
        describers.append(load_describer(which, settings().runtime, settings().threads))
        if isinstance(config, LearnedPointsConfig):
            learned = describers[-1].name, config.embedding_size
    return Method(tuple(describers), tuple(matchers), verify, facts or Facts(), any_side, prior_new)


def asked_facts(*, sex: bool = False, near: float | None = None, years: float | None = None) -> Facts:
    """Which records count, as a user asks for them.

    Args:
        sex: whether recorded sexes count.
        near: how far from one another, in km, one animal is usually found; None = places do not count.
        years: how many years such an animal lives; None = dates do not count.

    Raises:
        SettingError: if a distance or a life is not above zero.
    """
    for name, value in (("near", near), ("years", years)):
        if value is not None and not 0 < value < float("inf"):
            raise SettingError(f"{name} {value:g}: write a number above zero")
    return Facts(sex_error=SEX_ERROR if sex else None, moved_km=near, oldest_years=years)


def describe_all_of(catalogue: Catalogue, method: Method, progress: Progress = silent) -> DescribeReport:
    """Describe what any describer of a method has not described yet; see :func:`describe`.

    Returns:
        one report of all describers, which names each annotation that could not be read once.
    """
    total = DescribeReport()
    skipped: dict[str, BadMedium] = {}
    for describer in method.describers:
        report = describe(catalogue, describer, progress)
        total.described += report.described
        total.known += report.known
        skipped |= {str(bad): bad for bad in report.skipped}
        total.interrupted = report.interrupted
        if report.interrupted:
            break
    total.skipped = list(skipped.values())
    return total


def _found(which: str | Path) -> Path:
    try:
        return find_model(which)
    except ModelError as error:
        raise ModelError(f"{error}; there is also 'sift', which needs none") from error
