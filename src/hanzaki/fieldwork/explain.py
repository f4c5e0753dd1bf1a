"""Why does a model say so? Pictures of the catalogue, or files, with what the answer rests on drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import joinedload

from hanzaki.boxes import Box
from hanzaki.catalogue import records
from hanzaki.catalogue.catalogue import Catalogue
from hanzaki.catalogue.tables import Annotation
from hanzaki.errors import BadMedium, CatalogueError, SettingError, printable
from hanzaki.explanation.matches import verified_matches
from hanzaki.explanation.panels import Panel, panel_of
from hanzaki.explanation.similarity import decompose
from hanzaki.explanation.why import why_alike, why_label, why_matched
from hanzaki.fieldwork.files import is_video
from hanzaki.keypoints import Keypoints
from hanzaki.matching.points import ANY_WAY, UPRIGHT
from hanzaki.matching.scope import lie_any_way
from hanzaki.media import Pixels, decode, load_picture
from hanzaki.settings import settings
from hanzaki.vision.classifier import Classifier
from hanzaki.vision.crop import crop
from hanzaki.vision.describing import SIFT, Describer, load_describer
from hanzaki.vision.embedder import Embedder
from hanzaki.vision.model import ClassifierConfig, find_model, load_any_model, load_classifier_model

_BEYOND = 1 << 63  # no number of a row is so large

Asked = Path | str | int


@dataclass(frozen=True, eq=False)
class Explanation:
    """What an answer rests on.

    Attributes:
        model: what was asked.
        pictures: as the user named them.
        drawing: uint8 (H, W, 3), to be written with :func:`hanzaki.explanation.drawing.write_picture`.
        label: of a classifier, that is drawn.
        probability: of that label.
        similarity: of two embeddings, their cosine.
        pairs: of two sets of keypoints, how many pairs were verified.
        evidence: sum of the weights of these.
    """

    model: str
    pictures: tuple[str, ...]
    drawing: Pixels
    label: str | None = None
    probability: float | None = None
    similarity: float | None = None
    pairs: int | None = None
    evidence: float | None = None

    def __str__(self) -> str:
        """The answer in words."""
        if self.label is not None:
            return f"{self.label}, {self.probability:.1%}"
        if self.similarity is not None:
            return f"similarity {self.similarity:.3f}"
        return f"{self.pairs} verified pairs of keypoints, weight {self.evidence:.2f}"


@dataclass(frozen=True, eq=False)
class Picture:
    """An animal in a picture.

    Attributes:
        name: as the user knows it.
        pixels: uint8 (H, W, 3), the whole photograph or frame.
        box: of the animal; None where nobody drew one.
        side: that is seen, if it is known.
    """

    name: str
    pixels: Pixels
    box: Box | None = None
    side: str | None = None

    @property
    def panel(self) -> Panel:
        """As it is to be drawn, without the folders of its name."""
        return panel_of(self.pixels, self.box, Path(self.name).name)

    def cut(self, area_fraction: float) -> Pixels:
        """The animal, as a model sees it before any resize.

        Raises:
            BadMedium: if its box lies outside of the photograph.
        """
        try:
            return crop(self.pixels, self.box, area_fraction)
        except ValueError as error:
            raise BadMedium(self.name, str(error)) from error


def explain(
    catalogue: Catalogue | None, asked: Sequence[Asked], model: Path | str, *, label: str | None = None
) -> Explanation:
    """Draw why a classifier says what it says of one picture, or why a model finds two pictures alike.

    Of an embedder the exact share of every place in the similarity is drawn, of ``sift`` and models of keypoints
    the verified pairs.

    Args:
        catalogue: whose pictures may be named by their numbers; None for files alone.
        asked: one picture or two: files, ``video@seconds``, or numbers of the catalogue's pictures.
        model: a classifier for one picture; for two a model that compares, or ``sift``.
        label: of a classifier, what to ask for; by default the likeliest.

    Raises:
        SettingError: if the number of pictures does not fit the model, or it has no such label.
        CatalogueError: if there is no such picture.
        ModelError: if there is no such model, or it cannot be explained.
        BadMedium: if a picture cannot be read.
    """
    if str(model) != SIFT and isinstance(load_any_model(find_model(model)).config, ClassifierConfig):
        if len(asked) != 1:
            raise SettingError(f"{printable(model)} says what one picture shows, and {len(asked)} are named")
        folder = load_classifier_model(find_model(model))
        classifier = Classifier(folder, settings().runtime, settings().threads)
        return _of_label(look_at(catalogue, asked[0]), classifier, label)
    if label is not None:
        raise SettingError(f"a label is asked of a classifier, and {printable(model)} is none")
    if len(asked) != 2:
        raise SettingError(
            f"{printable(model)} compares two pictures, and the number of those named is {len(asked)}; name two,"
            " or one and --with the folder of a classifier"
        )
    describer = load_describer(model, settings().runtime, settings().threads)
    first, second = (look_at(catalogue, item) for item in asked)
    if isinstance(describer, Embedder):
        return _of_embeddings(first, second, describer)
    return _of_keypoints(first, second, describer, str(model))


def look_at(catalogue: Catalogue | None, asked: Asked) -> Picture:
    """The picture that somebody names.

    Args:
        catalogue: whose pictures have numbers.
        asked: a file, ``video@seconds``, or a number (a number that is also a file's name is taken as the file).

    Raises:
        CatalogueError: if it is the number of no picture, or no catalogue is at hand.
        BadMedium: if it cannot be read.
    """
    if isinstance(asked, int):
        return _numbered(catalogue, asked)
    if _is_number(str(asked)) and not Path(asked).exists():
        return _numbered(catalogue, int(str(asked)))
    file, seconds = Path(asked), None
    if not file.exists() and "@" in str(asked):
        file, seconds = _moment(str(asked))
    if seconds is None and is_video(file):
        raise BadMedium(file, "a video has many pictures: name one as VIDEO@SECONDS")
    return Picture(printable(asked), load_picture(file, seconds, settings().max_megapixels))


def _of_label(picture: Picture, classifier: Classifier, label: str | None) -> Explanation:
    config = classifier.model.config
    if label is not None and label not in config.labels:
        raise SettingError(f"{config.name} knows no {label!r}; its labels are {', '.join(config.labels)}")
    (explained,) = classifier.explain([classifier.prepare(picture.cut(classifier.area_fraction))])
    chosen = int(explained.probabilities.argmax()) if label is None else config.labels.index(label)
    drawing = why_label(picture.panel, explained, config, chosen)
    probability = float(explained.probabilities[chosen])
    return Explanation(
        classifier.name, (picture.name,), drawing, label=config.labels[chosen], probability=probability
    )


def _of_embeddings(first: Picture, second: Picture, embedder: Embedder) -> Explanation:
    prepared = [embedder.prepare(picture.cut(embedder.area_fraction)) for picture in (first, second)]
    decomposition = decompose(*embedder.places(prepared))
    drawing = why_alike(first.panel, second.panel, decomposition, embedder.model.config)
    names = (first.name, second.name)
    return Explanation(embedder.name, names, drawing, similarity=decomposition.similarity)


def _of_keypoints(first: Picture, second: Picture, describer: Describer, model: str) -> Explanation:
    cuts = [picture.cut(describer.area_fraction) for picture in (first, second)]
    found = [
        description
        for description in describer.describe([describer.prepare(cut) for cut in cuts])
        if isinstance(description, Keypoints)
    ]
    sides = [picture.side for picture in (first, second)]
    # of pictures of which nobody told the side nobody drew upright boxes either: place in them says nothing
    any_way = lie_any_way(sides) or not any(sides)
    matches = verified_matches(found[0], found[1], ANY_WAY if any_way else UPRIGHT)
    extents = found[0].extent, found[1].extent
    drawing = why_matched(first.panel, second.panel, matches, extents, Path(model).name, describer.area_fraction)
    names = (first.name, second.name)
    return Explanation(describer.name, names, drawing, pairs=len(matches), evidence=matches.evidence)


def _numbered(catalogue: Catalogue | None, number: int) -> Picture:
    if catalogue is None:
        raise CatalogueError(f"{number} would be a picture of a catalogue, and none is at hand; name a file")
    with catalogue.reading() as session:
        options = [joinedload(Annotation.medium)]
        row = session.get(Annotation, number, options=options) if 0 <= number < _BEYOND else None
        if row is None:
            raise CatalogueError(
                f"there is no picture {number}; `hanzaki pictures ENCOUNTER` lists an encounter's"
            )
        medium, box, frame, side = row.medium, records.box_of(row), row.frame, row.orientation
    most = settings().max_megapixels
    if medium.kind == "video":
        if frame is None:
            raise BadMedium(medium.name, "nobody has looked for the animal in its video yet: run `hanzaki detect`")
        pixels = load_picture(catalogue.file_of(medium), frame, most)
    else:
        pixels = decode(catalogue.bytes_of(medium), catalogue.media.path(medium.path), most)
    return Picture(f"{number}: {medium.name}", pixels, box, side)


def _moment(text: str) -> tuple[Path, float | None]:
    """A video and a moment of it, of ``video@seconds``; the text as a path where it is not that."""
    name, _, seconds = text.rpartition("@")
    try:
        return Path(name), float(seconds)
    except ValueError:
        return Path(text), None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
