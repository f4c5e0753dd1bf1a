"""A virtual stream: photographs and videos of animals whose truth is known.

`Salamander(seed)` is one individual and what is permanent about it, `Scene` everything that changes from one
photograph to the next, `photograph` puts the one into the other, and `write_photographs` keeps a whole population,
photographed on several days, in a folder with its annotations; `write_stream` films it too. `write_hides` does so
with patterned hides of every kind, to learn from. Everything follows from seeds.
"""

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.hides import write_hides
from hanzaki.virtual.pattern import Markings
from hanzaki.virtual.population import write_photographs
from hanzaki.virtual.rendering import Photograph, photograph
from hanzaki.virtual.scene import Scene
from hanzaki.virtual.stream import write_stream

__all__ = [
    "Markings",
    "Photograph",
    "Salamander",
    "Scene",
    "photograph",
    "write_hides",
    "write_photographs",
    "write_stream",
]
