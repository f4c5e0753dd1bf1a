"""Media: files to pixels, with time and place."""

from hanzaki.media.photo import SUFFIX_OF, SUFFIXES, PhotoFacts, Pixels, decode, inspect, read

__all__ = ["SUFFIXES", "SUFFIX_OF", "PhotoFacts", "Pixels", "decode", "inspect", "read"]
