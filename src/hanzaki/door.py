"""Python's door to the house: what ``import hanzaki`` offers beside the types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanzaki import defaults
from hanzaki.fieldwork.fieldcatalogue import FieldCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hanzaki.annotations import Annotations
    from hanzaki.evaluation.labelling import Labelled
    from hanzaki.evaluation.naming import Named
    from hanzaki.evaluation.protocols import Progress, Result
    from hanzaki.evaluation.recalibration import Calibrated
    from hanzaki.fieldwork.identity.method import Models
    from hanzaki.learning.classifier.train import TrainedClassifier
    from hanzaki.learning.train import Trained


def init(folder: Path | str) -> FieldCatalogue:
    """Make a catalogue in a new or empty folder.

    Raises:
        CatalogueError: if something is in the way.
    """
    return FieldCatalogue.init(folder)


def open(folder: Path | str) -> FieldCatalogue:  # noqa: A001 - `hanzaki.open` is the name users expect
    """Open a catalogue.

    Raises:
        CatalogueError: if there is none, or it was made by a newer hanzaki.
    """
    return FieldCatalogue.open(folder)


def calibrate(
    catalogue: FieldCatalogue,
    *,
    model: Models = defaults.MODEL,
    prior_new: float | None = None,
    page: Path | str | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Learn from a catalogue's own decisions what scores are worth, and keep it if it is truer than before.

    Every encounter that a person or a table named is asked again, with its animal in the catalogue and with it
    left out as if it were new; what was learnt is judged by cross-validation over individuals. From then on
    ``identify`` goes by it wherever the same models compare.

    Args:
        catalogue: with named individuals.
        model: what compares animals: a model's name or folder, ``sift``, or several that speak together.
        prior_new: how probable a new animal is before it is looked at; by default learnt from how often new ones
            came.
        page: a folder to write a page into: ``index.html``, and its figure.
        progress: told how far it is.

    Returns:
        What was found. Where there is too little to learn from, nothing is kept, and it says what is needed.

    Raises:
        ModelError: if there is no such model, or a page is asked for and the extra ``learn`` is not installed.
        SettingError: if the prior is not between 0 and 1, or the page cannot be written.
        KeyboardInterrupt: if the user stops it; nothing of the calibration is kept then.
    """
    from hanzaki.evaluation.recalibration import QUICK, Calibrated, recalibrate, still_needed
    from hanzaki.fieldwork.identity.calibrate import ask_again, heeds_drift, keep_calibration
    from hanzaki.fieldwork.identity.matcher import beginning
    from hanzaki.fieldwork.identity.method import load_method
    from hanzaki.fieldwork.progress import silent

    method = load_method(model, prior_new=prior_new)
    if page is not None:
        from hanzaki.evaluation.report.recalibration import write_calibration_page
        from hanzaki.evaluation.report.report import prepare_report

        prepare_report(Path(page))  # before the long work, not after it
    asked = ask_again(catalogue, method, progress=progress or silent)
    needed = still_needed(asked.cases)
    about = {"decisions": asked.asked, "individuals": asked.individuals}
    done = Calibrated(
        evidence=method.names,
        decided=asked.decided,
        individuals=asked.individuals,
        met_again=asked.met_again,
        asked=asked.asked,
        later=asked.newcomers.encounters,
        newcomers=asked.newcomers.new,
        prior_new=asked.newcomers.prior if prior_new is None else prior_new,
        prior_told=prior_new is not None,
        found=None if needed else recalibrate(asked.cases, beginning(method), about, QUICK, progress),
        needed=needed,
        skipped=asked.skipped,
        drift_undone=not needed and heeds_drift(catalogue, method),
    )
    if done.found is not None:
        keep_calibration(catalogue, method, done.found.fusion, done.prior_new, done.as_json())
    if page is not None:
        write_calibration_page(Path(page), catalogue.folder.name, done)
    return done


def evaluate(
    table: Path | str | Annotations,
    *,
    model: Path | str = defaults.MODEL,
    group: str | None = None,
    report: Path | str | None = None,
    progress: Progress | None = None,
) -> Result:
    """How well a model tells a table's individuals apart: one against all, within species and side.

    Args:
        table: an annotation table, or the file or folder of one in any of the field's conventions.
        model: a model that comes with hanzaki, a model folder, or ``sift``.
        group: a column to give results by as well, as ``orientation``.
        report: a folder to write a report into: ``index.html``, its figures, and every query in ``queries.csv``.
        progress: told how far it is.

    Raises:
        TableError: if the table cannot be read.
        SettingError: if it has no such column to group by, or the report cannot be written.
        ModelError: if there is no such model, or a report is asked for and the extra ``learn`` is not installed.
    """
    from hanzaki.annotations import Annotations
    from hanzaki.errors import printable
    from hanzaki.evaluation.leaks import find_leaks_within
    from hanzaki.evaluation.protocols import check_group, describe_table, judge
    from hanzaki.exchange.table import read_table
    from hanzaki.settings import settings
    from hanzaki.vision.describing import load_describer

    annotations = table if isinstance(table, Annotations) else read_table(table)
    describer = load_describer(model, settings().runtime, settings().threads)
    check_group(annotations, group)
    if report is not None:
        from hanzaki.evaluation.report.report import Question, prepare_report, write_report

        prepare_report(Path(report))  # before the long work, not after it
    described = describe_table(annotations, describer, progress)
    leaks = find_leaks_within(annotations, progress, bad=[])  # what cannot be read, describing has told
    result = replace(judge(described, group=group, progress=progress), leaks=tuple(leaks))
    if report is not None:
        source = annotations.source  # its folder's name tells tables apart that are all called annotations.csv
        name = "the table" if source is None else printable(Path(*source.absolute().parts[-2:]))
        write_report(
            Path(report), result, described, Question(name, printable(Path(model).name), describer.name, group)
        )
    return result


def evaluate_against(
    table: Path | str | Annotations,
    reference: Path | str | Annotations,
    *,
    model: Path | str = defaults.MODEL,
    allow_leaks: bool = False,
    progress: Progress | None = None,
) -> Named:
    """How well a table's photographs are named by a reference's, and strangers known for strangers.

    Args:
        table: the photographs that are asked about: a table, or the file or folder of one.
        reference: photographs of known animals, likewise.
        model: a model that comes with hanzaki, a model folder, or ``sift``.
        allow_leaks: go on where a photograph, or its like, stands on both sides.
        progress: told how far it is.

    Raises:
        TableError: if a table cannot be read.
        LeakError: if anything stands on both sides and that was not allowed.
        ModelError: if there is no such model.
    """
    from hanzaki.annotations import Annotations
    from hanzaki.evaluation.leaks import LeakError, find_leaks_between
    from hanzaki.evaluation.naming import judge_names
    from hanzaki.evaluation.protocols import describe_table
    from hanzaki.exchange.table import read_table
    from hanzaki.settings import settings
    from hanzaki.vision.describing import load_describer

    known, asked = (one if isinstance(one, Annotations) else read_table(one) for one in (reference, table))
    describer = load_describer(model, settings().runtime, settings().threads)
    leaks = find_leaks_between({"reference": known, "table": asked}, progress, bad=[])
    if leaks and not allow_leaks:
        raise LeakError(leaks, asked.source or "the table")
    references, questions = (describe_table(one, describer, progress) for one in (known, asked))
    return judge_names(references, questions, leaks)


def evaluate_classifier(
    table: Path | str | Annotations,
    *,
    model: Path | str,
    report: Path | str | None = None,
    progress: Progress | None = None,
) -> Labelled:
    """How well a classifier labels a table's animals, and whether its probabilities mean what they say.

    Args:
        table: an annotation table, or the file or folder of one in any of the field's conventions.
        model: a classifier that comes with hanzaki, or its model folder.
        report: a folder to write a report into: ``index.html``, its figures, and every answer in ``answers.csv``.
        progress: told how far it is.

    Raises:
        TableError: if the table cannot be read.
        SettingError: if it has nothing that can be judged, or the report cannot be written.
        ModelError: if there is no such classifier, or a report is asked for and the extra ``learn`` is not
            installed.
    """
    from hanzaki.annotations import Annotations
    from hanzaki.evaluation.labelling import judge_classifier
    from hanzaki.exchange.table import read_table
    from hanzaki.settings import settings
    from hanzaki.vision.classifier import Classifier
    from hanzaki.vision.model import find_model, load_classifier_model

    classifier = Classifier(load_classifier_model(find_model(model)), settings().runtime, settings().threads)
    annotations = table if isinstance(table, Annotations) else read_table(table)
    if report is not None:
        from hanzaki.evaluation.report.labelling import write_labelling_report
        from hanzaki.evaluation.report.report import prepare_report

        prepare_report(Path(report))  # before the long work, not after it
    labelled = judge_classifier(annotations, classifier, progress)
    if report is not None:
        title = f"How well {classifier.model.config.name} tells {classifier.label}"
        write_labelling_report(Path(report), title, labelled, labelled.pixels, classifier)
    return labelled


def train_embedder(
    config: Path | str,
    folder: Path | str,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    replay: Sequence[Path | str] = (),
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> Trained:
    """Train a network to know individuals, or go on with a training that was cut off.

    Args:
        config: a YAML file, or the name of a shipped config: ``small``, ``miewid``.
        folder: of the run; ``folder / "model"`` is the model folder that comes of it.
        tables: annotation tables to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from.
        replay: annotation tables that ``start`` learnt from, shown again.
        changes: values of the config by dotted key, as ``{"schedule.epochs": 5}``.
        progress: told how far it is.
        report: told each epoch's record.

    Raises:
        SettingError: if the config cannot be used, or the folder is of another run.
        ModelError: if the network that the config starts from cannot be used, or torch is not installed.
        TableError: if a table cannot be read.
    """
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.config import embedder_config
        from hanzaki.learning.train import train_embedder as run
    wanted = embedder_config(config, tables=tables, start=start, replay=replay, changes=changes)
    return run(wanted, Path(folder), progress=progress, report=report)


def train_detector(
    config: Path | str,
    folder: Path | str,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> Trained:
    """Train a network to find animals in photographs, or go on with a training that was cut off.

    Args:
        config: a YAML file, or the name of a shipped config: ``detector``.
        folder: of the run; ``folder / "model"`` is the model folder that comes of it.
        tables: tables of drawn boxes to learn from, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from: a detector, or an embedder's backbone.
        changes: values of the config by dotted key, as ``{"schedule.epochs": 5}``.
        progress: told how far it is.
        report: told each epoch's record.

    Raises:
        SettingError: if the config cannot be used, or the folder is of another run.
        ModelError: if the network that the config starts from cannot be used, or torch is not installed.
        TableError: if a table cannot be read.
    """
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.detector.config import detector_config
        from hanzaki.learning.detector.train import train_detector as run
    wanted = detector_config(config, tables=tables, start=start, changes=changes)
    return run(wanted, Path(folder), progress=progress, report=report)


def train_classifier(
    config: Path | str,
    folder: Path | str,
    *,
    tables: Sequence[Path | str] = (),
    start: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
    controls: bool = False,
    progress: Progress | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> TrainedClassifier:
    """Train a network to tell a label of animals (who, origin, sex, species, side, quality), and test it.

    Args:
        config: a YAML file, or the name of a shipped config: ``quick``, ``classifier``, ``origin``.
        folder: of the run; ``folder / "model"`` is the model folder that comes of it, ``folder / "report"`` the
            page of its test, ``folder / "split"`` what was learnt from and tested with.
        tables: annotation tables, in place of the config's.
        start: a model folder, or a shipped model's name, to go on from: an embedder, or a classifier.
        changes: values of the config by dotted key, as ``{"data.label": "origin"}``.
        controls: train twice more, on shuffled labels and on what surrounds the animals, which must come to
            nothing.
        progress: told how far it is.
        report: told each epoch's record.

    Raises:
        SettingError: if the config cannot be used, or the folder is of another run.
        LeakError: if one part of the split shows what another does, and that was not allowed.
        ModelError: if the network that the config starts from cannot be used, or torch is not installed.
        TableError: if a table cannot be read.
    """
    from hanzaki.extra import learning

    with learning():
        from hanzaki.learning.classifier.train import train_classifier as run
    from hanzaki.learning.classifier.config import classifier_config

    wanted = classifier_config(config, tables=tables, start=start, changes=changes)
    return run(wanted, Path(folder), controls=controls, progress=progress, report=report)
