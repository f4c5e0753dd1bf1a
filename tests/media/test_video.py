from __future__ import annotations

import gc
import math
import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanzaki.errors import BadMedium, SettingError
from hanzaki.media import VIDEO_SUFFIX_OF, VIDEO_SUFFIXES, frame_at, frames_at, inspect_video, read_frames
from hanzaki.media.container import _place, display_matrix, opened
from tests.fixtures.videos import CORNERS, SIZE, damaged, number, ruined, sound_only, truncated, write

LIMIT = 100.0
B_FRAMES = {"g": "30", "bf": "3"}
FORMATS = [
    ("MP4", ".mp4", "h264"),
    ("MOV", ".mov", "hevc"),
    ("3GP", ".3gp", "h264"),
    ("AVI", ".avi", "h264"),
    ("AVI", ".avi", "mpeg4"),
    ("MKV", ".mkv", "h264"),
    ("WEBM", ".webm", "vp9"),
    ("MTS", ".mts", "h264"),
]
APPLE = {
    "creation_time": "2022-08-20T09:05:11Z",
    "com.apple.quicktime.creationdate": "2022-08-20T18:05:11+0900",
    "com.apple.quicktime.location.ISO6709": "+34.5100-132.4000+250.0/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 11",
}


def read(path: Path, **options: object):
    return read_frames(path, max_megapixels=LIMIT, **options)


def numbers(path: Path, **options: object) -> list[int]:
    return [number(frame.pixels()) for frame in read(path, **options)]


def reference(path: Path, *arguments: str, size: tuple[int, int] = SIZE) -> np.ndarray:
    """All frames as ffmpeg shows them, uint8 (N, H, W, 3)."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        path,
        *arguments,
        "-vsync",
        "0",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    shown = subprocess.run(words, check=True, capture_output=True).stdout
    return np.frombuffer(shown, np.uint8).reshape(-1, size[1], size[0], 3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds with a key frame each second and frames that are stored out of order."""
    return write(tmp_path_factory.mktemp("clips") / "clip.mp4", 150, codec_options=B_FRAMES)


@pytest.mark.parametrize(("format", "suffix", "codec"), FORMATS)
def test_every_format_is_read(tmp_path, format, suffix, codec):
    options = B_FRAMES if codec == "h264" else {"bf": "2"} if codec == "mpeg4" else {}
    path = write(tmp_path / f"clip{suffix}", 60, codec=codec, codec_options=options)
    facts = inspect_video(path, LIMIT)
    assert (facts.format, facts.width, facts.height, facts.codec) == (format, *SIZE, codec)
    assert facts.seconds == pytest.approx(2.0, abs=0.07)
    assert facts.rate == pytest.approx(30, abs=0.1)
    assert facts.trouble is None
    assert suffix in VIDEO_SUFFIXES
    assert VIDEO_SUFFIX_OF[format] == suffix
    reader = read(path)
    frames = list(reader)
    assert [number(frame.pixels()) for frame in frames] == list(range(0, 60, 3))
    assert [frame.seconds for frame in frames] == pytest.approx([tick / 10 for tick in range(20)], abs=0.0006)
    assert reader.trouble is None


def test_a_phone_says_when_and_where_it_filmed(tmp_path):
    facts = inspect_video(write(tmp_path / "a.mov", 3, tags=APPLE), LIMIT)
    assert (facts.taken_at, facts.utc_offset) == (datetime(2022, 8, 20, 18, 5, 11), 540)
    assert (facts.latitude, facts.longitude) == (34.51, -132.4)
    assert facts.camera == "Apple iPhone 11"


def test_a_phone_that_writes_universal_time_only(tmp_path):
    tags = {"location": "+35.1-132.4/", "creation_time": "2022-08-20T09:05:11Z", "com.android.version": "13"}
    facts = inspect_video(write(tmp_path / "a.mp4", 3, tags=tags), LIMIT)
    assert (facts.taken_at, facts.utc_offset) == (datetime(2022, 8, 20, 9, 5, 11), 0)
    assert (facts.latitude, facts.longitude, facts.camera) == (35.1, -132.4, "Android 13")


def test_a_clock_that_was_never_set_and_a_phone_without_a_fix(tmp_path):
    tags = {"creation_time": "1970-01-01T00:00:00Z", "location": "+0.0000+000.0000/"}
    facts = inspect_video(write(tmp_path / "a.mp4", 3, tags=tags), LIMIT)
    assert (facts.taken_at, facts.utc_offset, facts.latitude, facts.longitude) == (None, None, None, None)


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), form=st.sampled_from("dms"))
def test_places_are_read_in_every_form_of_iso_6709(latitude, longitude, form):
    def written(angle: float, width: int) -> str:
        sign, seconds = "-" if angle < 0 else "+", round(abs(angle) * 3600)
        minutes, degrees = seconds / 60, seconds / 3600
        if form == "d":
            return f"{sign}{degrees:0{width + 7}.6f}"
        if form == "m":
            return f"{sign}{seconds // 3600:0{width}d}{minutes % 60:07.4f}"
        return f"{sign}{seconds // 3600:0{width}d}{seconds // 60 % 60:02d}{seconds % 60:02d}"

    place = _place({"location": f"{written(latitude, 2)}{written(longitude, 3)}/"})
    if place != (None, None):
        assert place == pytest.approx((latitude, longitude), abs=0.6 / 3600)
    else:
        assert round(abs(latitude) * 3600) == round(abs(longitude) * 3600) == 0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turned", [0, 90, 180, -90])
def test_a_video_is_shown_as_the_phone_was_held(tmp_path, turned, mirrored):
    path = write(tmp_path / "a.mov", 4, turned=turned, mirrored=mirrored)
    facts = inspect_video(path, LIMIT)
    (first, *_) = (frame.pixels() for frame in read(path))
    assert (facts.width, facts.height) == first.shape[1::-1]
    shown = reference(path, size=(facts.width, facts.height))[0]
    assert np.abs(first.astype(int) - shown).mean() < 3


def test_a_quarter_turn_to_the_left(tmp_path):
    (pixels, *_) = (frame.pixels() for frame in read(write(tmp_path / "a.mp4", 4, turned=90)))
    height, width = pixels.shape[:2]
    assert (width, height) == SIZE[::-1]
    places = [(4, 4), (-5, 4), (4, -5), (-5, -5)]  # top left came from top right, and so on
    for (row, column), colour in zip(places, [CORNERS[1], CORNERS[0], CORNERS[3], CORNERS[2]], strict=True):
        assert np.abs(pixels[row, column].astype(int) - colour).max() < 45


def test_the_turn_is_known_even_where_other_side_data_is_not(tmp_path):
    class Unnamed:
        rotation = 90

        @property
        def side_data(self):
            raise ValueError("not a valid Type")  # what PyAV says of side data that is newer than itself

    with opened(write(tmp_path / "a.mp4", 4, turned=90), LIMIT) as video:
        known = display_matrix(next(video.container.decode(video.stream)))
    assert tuple(np.sign(display_matrix(Unnamed()))) == tuple(np.sign(known))


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    path = write(tmp_path / "a.mp4", 4, aspect=Fraction(4, 3))
    facts = inspect_video(path, LIMIT)
    assert (facts.width, facts.height) == (128, 64)
    assert next(iter(read(path))).pixels().shape == (64, 128, 3)


@pytest.mark.parametrize("turned", [0, 90])
def test_a_small_picture_is_the_large_one_shrunk(tmp_path, turned):
    frame = next(iter(read(write(tmp_path / "a.mp4", 4, turned=turned, size=(320, 240)))))
    large, small = frame.pixels(), frame.pixels(longest_side=80)
    shape = (80, 60) if turned else (60, 80)
    assert small.shape == (*shape, 3)
    assert frame.pixels(longest_side=1000).shape == large.shape  # never enlarged
    shrunk = np.asarray(Image.fromarray(large).resize(shape[::-1], Image.Resampling.BOX)).astype(int)
    assert np.abs(shrunk - small).mean() < 4


def test_frames_are_the_ones_that_ffmpeg_shows(clip):
    shown = reference(clip)
    ours = [frame.pixels() for frame in read(clip, rate=1000)]
    assert len(ours) == len(shown) == 150
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(ours, shown, strict=True)) < 2


def test_a_frame_stays_good_when_others_have_come(clip):
    frames = list(read(clip))
    assert [number(frame.pixels()) for frame in frames] == list(range(0, 150, 3))


def test_a_frame_that_is_no_longer_used_is_given_back_at_once(clip):
    gc.collect()
    gc.disable()  # the collector would come too late: a large frame is few objects
    try:
        kept = []
        for frame in read(clip):
            frame.pixels()
            kept.append(sum(type(thing) is VideoFrame for thing in gc.get_objects()))
        assert kept[0] > 0
        assert max(kept) - min(kept) < 20 < len(kept)
    finally:
        gc.enable()


variable = st.lists(st.integers(2, 400), min_size=2, max_size=25).map(
    lambda steps: [0, *np.cumsum(steps).tolist()]
)


@given(
    stamps=variable,
    rate=st.sampled_from([0.7, 1, 3, 10, 29.97, 60, 500]),
    start=st.sampled_from([0.0, 0.5, 1.7]),
    end=st.sampled_from([None, 0.9, 4.0]),
    options=st.sampled_from([{}, {"bf": "0", "g": "5"}, {"bf": "4", "g": "12"}]),
)
@settings(max_examples=25, deadline=None)
def test_frames_of_variable_rate_are_taken_by_their_times(stamps, rate, start, end, options):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.mp4", stamps=stamps, codec_options=options)
        frames = [(frame.seconds, number(frame.pixels())) for frame in read(path, rate=rate, start=start, end=end)]
        times = [stamp / 600 for stamp in stamps]
        wanted = []
        for tick in range(math.ceil((times[-1] - start) * rate) + 1):
            time = start + tick / rate
            later = [index for index, at in enumerate(times) if at >= time - 0.0005]
            if later and (end is None or times[later[0]] < end - 0.0005) and (end is None or time < end - 0.0005):
                wanted.append(later[0])
        wanted = sorted(set(wanted))
        assert [shown for _, shown in frames] == wanted
        assert [seconds for seconds, _ in frames] == pytest.approx([times[index] for index in wanted], abs=1e-6)


@given(
    stamps=variable,
    suffix_and_codec=st.sampled_from([(".mp4", "h264"), (".mkv", "h264"), (".mov", "hevc"), (".webm", "vp9")]),
    options=st.sampled_from([{}, {"g": "6"}, {"g": "12", "bf": "4"}]),
    data=st.data(),
)
@settings(max_examples=12, deadline=None)
def test_a_frame_is_found_again_exactly(stamps, suffix_and_codec, options, data):
    suffix, codec = suffix_and_codec
    with tempfile.TemporaryDirectory() as folder:
        options = options if codec == "h264" else {}
        path = write(Path(folder) / f"a{suffix}", codec=codec, stamps=stamps, codec_options=options)
        given = {frame.seconds: frame.pixels() for frame in read(path, rate=7)}
        some = data.draw(st.lists(st.sampled_from(list(given)), min_size=1, max_size=4))
        again = list(frames_at(path, some, LIMIT))
        assert [seconds for seconds, _ in again] == sorted(set(some))
        assert all(np.array_equal(given[seconds], pixels) for seconds, pixels in again)
        assert np.array_equal(frame_at(path, some[0], LIMIT), given[some[0]])


@pytest.mark.parametrize(
    ("suffix", "options"), [(".mp4", {}), (".mkv", {}), (".mts", {"x264-params": "open-gop=1"})]
)
def test_far_frames_are_the_same_whether_sought_or_reached(tmp_path, suffix, options):
    path = write(tmp_path / f"a{suffix}", 400, 10, codec_options={"g": "20", "bf": "3", **options})
    reached = {round(frame.seconds * 10): frame.pixels() for frame in read(path, rate=10)}
    assert len(reached) == 400
    sought = list(read(path, rate=0.13))
    assert [round(frame.seconds * 10) for frame in sought] == [math.ceil(tick / 0.013) for tick in range(6)]
    assert all(np.array_equal(reached[round(frame.seconds * 10)], frame.pixels()) for frame in sought)
    assert np.array_equal(frame_at(path, 38.7, LIMIT), reached[387])
    assert [round(frame.seconds * 10) for frame in read(path, start=35.05, end=35.3)] == [351, 352]


def test_parts_make_the_whole(clip):
    parts = [*numbers(clip, end=2.0), *numbers(clip, start=2.0, end=3.5), *numbers(clip, start=3.5)]
    assert parts == numbers(clip)


def test_a_part_beyond_the_end_is_empty(clip):
    assert numbers(clip, start=60.0) == []


@pytest.mark.parametrize("broken", [False, True])
def test_the_number_of_threads_changes_nothing(tmp_path, clip, broken):
    path = Path(shutil.copy(clip, tmp_path))
    if broken:
        damaged(path, [0.3, 0.5, 0.6])
    one, three = ([(frame.seconds, frame.pixels().tobytes()) for frame in read(path, threads=n)] for n in (1, 3))
    assert one == three


def test_a_damaged_video_gives_the_frames_that_no_damage_touches(tmp_path, clip):
    whole = {frame.seconds: frame.pixels() for frame in read(clip, rate=1000)}
    reader = read(ruined(Path(shutil.copy(clip, tmp_path)), range(70, 73)))
    given = {frame.seconds: frame.pixels() for frame in reader}
    assert reader.trouble.startswith("damaged: ")
    assert 30 < len(given) < 50  # up to a second is lost: as far as the next key frame
    assert all(np.array_equal(whole[seconds], pixels) for seconds, pixels in given.items())
    again = dict(frames_at(reader.path, given, LIMIT))
    assert all(np.array_equal(again[seconds], pixels) for seconds, pixels in given.items())


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "h264"), (".avi", "mpeg4"), (".webm", "vp9"), (".mp4", "h264")]
)
def test_a_truncated_video_gives_what_there_is(tmp_path, suffix, codec):
    front = {"movflags": "faststart+use_metadata_tags"} if suffix == ".mp4" else {}
    path = write(tmp_path / f"a{suffix}", 150, codec=codec, options=front, codec_options={"g": "30"})
    facts = inspect_video(truncated(path), LIMIT)
    assert 1.5 < facts.seconds < 3.5
    assert facts.trouble == f"truncated after {facts.seconds:.1f} of 5.0 seconds"
    reader = read(path)
    found = [number(frame.pixels()) for frame in reader]
    assert found == list(range(0, 3 * len(found), 3))
    assert abs(len(found) / 10 - facts.seconds) < 0.3
    assert reader.trouble.startswith("truncated after ")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: truncated(write(path, 60)), "never finished"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"no video at all" * 20), "not a video"),
        (lambda path: path.mkdir(), "folder"),
        (lambda path: None, "no such file"),
        (lambda path: os.mkfifo(path), "pipe"),
        (sound_only, "sound only"),
    ],
)
def test_what_is_no_video_is_said_so(tmp_path, make, reason):
    path = tmp_path / "a.mp4"
    make(path)
    for attempt in (
        lambda: inspect_video(path, LIMIT),
        lambda: list(read(path)),
        lambda: frame_at(path, 0, LIMIT),
    ):
        with pytest.raises(BadMedium, match=reason) as caught:
            attempt()
        assert caught.value.path == path


def test_a_video_of_which_nothing_can_be_decoded(tmp_path):
    path = write(tmp_path / "a.mkv", 30)
    data = path.read_bytes()
    path.write_bytes(data[:700] + bytes(len(data) - 700))
    for attempt in (lambda: inspect_video(path, LIMIT), lambda: list(read(path))):
        with pytest.raises(BadMedium, match="damaged"):
            attempt()


def test_a_frame_that_unpacks_to_too_much_is_refused(clip):
    for attempt in (lambda: inspect_video(clip, 0.001), lambda: list(read_frames(clip, max_megapixels=0.001))):
        with pytest.raises(BadMedium, match="decompression bomb"):
            attempt()


@pytest.mark.parametrize("seconds", [0.05, 60.0, -1.0])
def test_a_time_without_a_frame_is_said(clip, seconds):
    with pytest.raises(BadMedium, match=rf"clip\.mp4: has no frame at {seconds:.3f} seconds"):
        frame_at(clip, seconds, LIMIT)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_must_be_above_zero(clip, rate):
    with pytest.raises(SettingError, match="frames a second"):
        read(clip, rate=rate)


def test_a_playlist_leads_nowhere(tmp_path, clip):
    listed = tmp_path / "a.mp4"
    listed.write_text(f"ffconcat version 1.0\nfile {clip}\n")
    with pytest.raises(BadMedium, match="not a video"):
        inspect_video(listed, LIMIT)


def test_nothing_is_printed(tmp_path, clip, capfd):
    path = damaged(Path(shutil.copy(clip, tmp_path)), [0.2, 0.4, 0.5, 0.7])
    inspect_video(path, LIMIT)
    list(read(path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["mouse_video.mp4", "tractor_video.mp4"])
def test_real_videos(shared, name):
    path = shared / "videos" / name
    facts = inspect_video(path, LIMIT)
    assert facts.trouble is None
    reader = read(path, rate=2.0, end=6.0)
    frames = list(reader)
    assert len(frames) == math.ceil(min(6.0, facts.seconds) * 2)
    assert all(frame.size == (facts.width, facts.height) for frame in frames)
    some = frames[:: max(1, len(frames) // 3)]
    again = dict(frames_at(path, [frame.seconds for frame in some], LIMIT, threads=1))
    assert all(np.array_equal(again[frame.seconds], frame.pixels()) for frame in some)
