"""Media: files to pixels, with time and place."""

from hanzaki.media.photo import SUFFIXES, PhotoFacts, Pixels, decode, inspect, read

__all__ = ["SUFFIXES", "PhotoFacts", "Pixels", "decode", "inspect", "read"]
