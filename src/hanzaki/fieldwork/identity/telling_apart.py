"""A catalogue whose animals are told apart: who is who, who is new, and what is to be put right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from hanzaki import defaults
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.errors import SettingError
from hanzaki.fieldwork.identity.accept import Acceptance, accept
from hanzaki.fieldwork.identity.asking import Queue, queue
from hanzaki.fieldwork.identity.check import WORD, CheckReport, check
from hanzaki.fieldwork.identity.drift import Drifting, learn_drift
from hanzaki.fieldwork.identity.identify import IdentifyReport, identify
from hanzaki.fieldwork.identity.method import VERIFY, Models, asked_facts, load_method
from hanzaki.fieldwork.identity.reidentify import Reidentification, reidentify
from hanzaki.fieldwork.identity.sort import SURE as FIRM
from hanzaki.fieldwork.identity.sort import Pile, name_firm, require_probability, sort
from hanzaki.fieldwork.identity.suspicion import TOLERATED, WRONG
from hanzaki.fieldwork.progress import Progress, silent
from hanzaki.fieldwork.queries import Watcher
from hanzaki.matching.scope import SIDES, Scope


class TellingApart(Catalogue):
    """The part of :class:`hanzaki.FieldCatalogue` that tells animals apart."""

    def identify(
        self,
        asked: Path | str | int | Sequence[Path | str | int],
        *,
        model: Models = defaults.MODEL,
        detector: Path | str = defaults.DETECTOR,
        top: int = 5,
        verify: int | None = None,
        species: str | None = None,
        side: str | None = None,
        any_side: bool = False,
        sites: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        everywhere: bool = False,
        sex: bool = False,
        near: float | None = None,
        years: float | None = None,
        prior_new: float | None = None,
        progress: Progress = silent,
    ) -> IdentifyReport:
        """Say who it may be, or that it is somebody new; see :func:`hanzaki.fieldwork.identity.identify.identify`.

        Args:
            asked: files, folders, or numbers of encounters.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            detector: that finds the animals in videos.
            top: how many candidates to give.
            verify: in how many photographs keypoints are compared, if an embedding can choose them.
            species: look among these only; by default each query's own.
            side: ``left`` or ``right``: look among these only; by default each query's own.
            any_side: compare left flanks with right ones too.
            sites: look among animals seen there only.
            since: and not before this day.
            until: and not after this day.
            everywhere: the animal may come from anywhere, so that neither sites nor ``near`` may be asked for.
            sex: let recorded sexes count.
            near: let places count: how far from one another, in km, one animal is usually found.
            years: let dates count: how many years such an animal lives.
            prior_new: probability that an animal is new, before it is looked at; by default the calibration's.
            progress: told how far it is.

        Raises:
            CatalogueError: if there is no such encounter.
            SettingError: if a value cannot be used, or two contradict each other.
            ModelError: if there is no such model.
        """
        if side is not None and side not in SIDES:
            raise SettingError(f"side {side!r}: only the flanks differ, so write left or right")
        method = load_method(
            model,
            verify=VERIFY if verify is None else verify,
            facts=asked_facts(sex=sex, near=near, years=years),
            any_side=any_side,
            prior_new=prior_new,
        )
        return identify(
            self,
            [asked] if isinstance(asked, (Path, str, int)) else list(asked),
            method,
            scope=Scope(species, (side,) if side else (), tuple(sites), since, until),
            everywhere=everywhere,
            top=top,
            watched=Watcher(detector),
            progress=progress,
        )

    def drift(
        self,
        individuals: Sequence[str] = (),
        *,
        model: Models = defaults.MODEL,
        keep: bool = False,
        progress: Progress = silent,
    ) -> Drifting:
        """Say how markings change with the years; see :func:`hanzaki.fieldwork.identity.drift.learn_drift`.

        Args:
            individuals: names of those that are asked about; learnt is from all that were met again.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            keep: let answers heed it from now on.
            progress: told how far it is.
        """
        return learn_drift(self, load_method(model), individuals, keep=keep, progress=progress)

    def sort(
        self,
        encounters: int | Sequence[int] = (),
        *,
        model: Models = defaults.MODEL,
        survey: str | None = None,
        site: str | None = None,
        apply: bool = False,
        sure: float = FIRM,
        progress: Progress = silent,
    ) -> Pile:
        """Put encounters without a name together; see :func:`hanzaki.fieldwork.identity.sort.sort`.

        Args:
            encounters: their numbers; none = all that have no name.
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            survey: of this survey only.
            site: at this site only.
            apply: name the new individuals that are firm enough; else nothing is written.
            sure: how firm that is, a probability.
            progress: told how far it is.
        """
        require_probability(sure)
        asked = [encounters] if isinstance(encounters, int) else encounters
        pile = sort(self, asked, method=load_method(model), survey=survey, site=site, progress=progress)
        return name_firm(self, pile, sure) if apply else pile

    def accept(
        self,
        encounters: int | Sequence[int] = (),
        *,
        tolerate: float,
        model: Models = defaults.MODEL,
        prior_new: float | None = None,
        apply: bool = False,
        progress: Progress = silent,
    ) -> Acceptance:
        """Name by machine what is sure enough; see :func:`hanzaki.fieldwork.identity.accept.accept`.

        Args:
            encounters: their numbers; none = all that have no name.
            tolerate: the share of wrong ones that is tolerated among the accepted, a fraction.
            model: as in :meth:`identify`.
            prior_new: likewise.
            apply: write it; else it is only said.
            progress: told how far it is.
        """
        asked = [encounters] if isinstance(encounters, int) else encounters
        method = load_method(model, prior_new=prior_new)
        return accept(self, method, asked, rate=tolerate, apply=apply, progress=progress)

    def queue(
        self,
        *,
        model: Models = defaults.MODEL,
        top: int | None = None,
        prior_new: float | None = None,
        progress: Progress = silent,
    ) -> Queue:
        """What to ask a person, what teaches most first; see :func:`hanzaki.fieldwork.identity.asking.queue`.

        Args:
            model: as in :meth:`identify`.
            top: so many questions at most.
            prior_new: as in :meth:`identify`.
            progress: told how far it is.
        """
        return queue(self, load_method(model, prior_new=prior_new), top=top, progress=progress)

    def reidentify(
        self,
        *,
        tolerate: float,
        model: Models = defaults.MODEL,
        old: Models | None = None,
        everybody: bool = False,
        prior_new: float | None = None,
        apply: bool = False,
        progress: Progress = silent,
    ) -> Reidentification:
        """Say what a better model would change; see :func:`hanzaki.fieldwork.identity.reidentify.reidentify`.

        Args:
            tolerate: the share of wrong ones that is tolerated among the accepted, a fraction.
            model: as in :meth:`identify`.
            old: by which to compute how probable the present names were; None = what was kept.
            everybody: ask of what people and tables named too, which is shown and never changed.
            prior_new: as in :meth:`identify`.
            apply: write the changes; else they are only said.
            progress: told how far it is.
        """
        before = None if old is None else load_method(old, prior_new=prior_new)
        return reidentify(
            self,
            load_method(model, prior_new=prior_new),
            before,
            rate=tolerate,
            everybody=everybody,
            apply=apply,
            progress=progress,
        )

    def check(
        self,
        *,
        model: Models = defaults.MODEL,
        tolerated: float = TOLERATED,
        wrong: float = WRONG,
        word: float = WORD,
        progress: Progress = silent,
    ) -> CheckReport:
        """Find individuals who are probably one, or two; see :func:`hanzaki.fieldwork.identity.check.check`.

        Args:
            model: a model that comes with hanzaki, a model folder, or ``sift``; or several, that speak together.
            tolerated: how much of each list may be false alarms, by expectation.
            wrong: the share of encounters that is believed to have a wrong name.
            word: how many times likelier right than wrong a person is who said that two are not the same.
            progress: told how far it is.
        """
        return check(self, load_method(model), tolerated=tolerated, wrong=wrong, word=word, progress=progress)
