"""Videos and photographs of whole giant salamanders in a virtual stream, with their truth.

`write_stream` keeps a population, filmed and photographed on several days, in a folder. `stage` draws one `Clip`,
of which any frame can be asked for. Files by what they know: `body` and `limbs` the animal laid out straight,
`gait` how it moves, `ribbon`, `layers` and `laying` how skin is lit and laid along a line, `ground` the bed,
`lightplay` water and light, `hand` the phone, `survey` who is met when.
"""

from hanzaki.virtual.stream.clip import Clip, Head
from hanzaki.virtual.stream.staging import stage
from hanzaki.virtual.stream.write import write_stream

__all__ = ["Clip", "Head", "stage", "write_stream"]
