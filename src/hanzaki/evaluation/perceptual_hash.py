"""Perceptual hashes: two pictures that look alike differ in few bits, whatever their files are."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from hanzaki.vision.crop import Pixels

Hashes = npt.NDArray[np.uint64]

#: Of a hash.
BITS = 256

#: Bits that two hashes may be apart for their pictures to count as the same (measured in docs/how-to/split.md).
NEAR_BITS = 48

#: Bits from which on two whole photographs are of different moments: no two of a virtual stream's 140,000 pairs
#: are nearer (82), and a copy that was changed a little stays below :data:`NEAR_BITS`.
FAR_BITS = 80

_THUMBNAIL = 32  # pixels a side: markings finer than this are not compared
_LOW = 16  # frequencies a side that are kept; the usual 8 confuse animals of one species in one stance
_BLOCK_CELLS = 1 << 20  # comparisons held at once, of which each takes 18 bytes


def perceptual_hash(picture: Pixels) -> Hashes:
    """The DCT hash of a picture: which of the lowest frequencies of its thumbnail lie above their median.

    The paper's 64 bits (Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section
    3.2.1) are 256 here.

    Args:
        picture: uint8 (H, W, 3).

    Returns:
        uint64 (4,).
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    thumbnail = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    low = cv2.dct(thumbnail.astype(np.float32))[:_LOW, :_LOW].ravel()
    return np.packbits(low > np.median(low)).view(np.uint64)


def apart(one: Hashes, other: Hashes) -> int:
    """Bits that differ between two hashes, of :data:`BITS`."""
    return int(np.bitwise_count(one ^ other).sum())


def near(asked: Hashes, among: Hashes) -> Iterator[tuple[int, int, int]]:
    """For each hash, those within :data:`NEAR_BITS`: the nearest first, and the first of several as near.

    Every pair is compared, in blocks: 20,000 with 20,000 take 3 seconds of one slow core.

    Args:
        asked: uint64 (n, 4).
        among: uint64 (m, 4).

    Yields:
        positions in ``asked`` and in ``among``, and the bits that they are apart.
    """
    if not len(among):
        return
    words = np.ascontiguousarray(among.T)
    step = max(1, _BLOCK_CELLS // len(among))
    for start in range(0, len(asked), step):
        bits = np.zeros((len(asked[start : start + step]), len(among)), np.uint16)
        for mine, theirs in zip(asked[start : start + step].T, words, strict=True):
            bits += np.bitwise_count(mine[:, None] ^ theirs)
        for position in np.flatnonzero((bits <= NEAR_BITS).any(axis=1)).tolist():
            found = np.flatnonzero(bits[position] <= NEAR_BITS)
            for one in found[np.argsort(bits[position, found], kind="stable")].tolist():
                yield start + position, one, int(bits[position, one])
