"""A virtual stream: photographs and videos of animals whose truth is known.

`Salamander(seed)` is one individual and what is permanent about it, `Scene` everything that changes from one
photograph to the next, `photograph` puts the one into the other, and `write_photographs` keeps a whole population,
photographed on several days, in a folder with its annotations; `write_stream` films it too. A `Population` says
who is born, dies and is met over years, and `write_census` photographs it. All three write masks of the heads'
dark markings if asked, which `read_mask` reads. `write_hides` draws patterned hides of every kind, to learn from.
Everything follows from seeds.
"""

from hanzaki.virtual.animal import Salamander
from hanzaki.virtual.census import write_census
from hanzaki.virtual.demography import Capture, Population, Rates, River, Survey, yearly
from hanzaki.virtual.growth import Growth
from hanzaki.virtual.hides import write_hides
from hanzaki.virtual.lives import lives, presence, salamander
from hanzaki.virtual.masks import SpotMask, mask_path, read_mask
from hanzaki.virtual.meetings import Occasion, abundance, captures, histories, occasions, surveys
from hanzaki.virtual.pattern import Markings
from hanzaki.virtual.population import write_photographs
from hanzaki.virtual.rendering import Photograph, photograph
from hanzaki.virtual.scene import Scene
from hanzaki.virtual.stream import write_stream

__all__ = [
    "Capture",
    "Growth",
    "Markings",
    "Occasion",
    "Photograph",
    "Population",
    "Rates",
    "River",
    "Salamander",
    "Scene",
    "SpotMask",
    "Survey",
    "abundance",
    "captures",
    "histories",
    "lives",
    "mask_path",
    "occasions",
    "photograph",
    "presence",
    "read_mask",
    "salamander",
    "surveys",
    "write_census",
    "write_hides",
    "write_photographs",
    "write_stream",
    "yearly",
]
