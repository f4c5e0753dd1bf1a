"""Hides: unlimited patterned skins of animals that never were, to learn from.

A `Species` fixes what its individuals have in common: the kind and statistics of the markings, the colours and the
body. A `Hide` is an individual: where its markings lie. `photograph_hide` takes a hard photograph of it, in which
nothing but the arrangement of the markings tells who it is, and `write_hides` keeps a whole collection in a folder
with its annotations.
"""

from hanzaki.virtual.hides.collection import write_hides
from hanzaki.virtual.hides.species import Hide, Species, draw_hide
from hanzaki.virtual.hides.views import photograph_hide

__all__ = ["Hide", "Species", "draw_hide", "photograph_hide", "write_hides"]
