"""Backends that get one thing wrong each: every law proves on them that it can fail.

As targets: `--backend tests.suite.laws.liars:FlipsKernel`. `LIARS` says of each what it gets wrong.
"""

from __future__ import annotations

from tests.suite.conv.reference import Honest
from tests.suite.laws.lies_of_calls import CALLS, FATAL
from tests.suite.laws.lies_of_cost import COSTS
from tests.suite.laws.lies_of_crossing import CROSSINGS
from tests.suite.laws.lies_of_gradients import GRADIENTS
from tests.suite.laws.lies_of_layers import LAYERS
from tests.suite.laws.lies_of_modes import MODES
from tests.suite.laws.lies_of_numbers import NUMBERS
from tests.suite.laws.lies_of_place import PLACE
from tests.suite.laws.lies_of_refusal import FATAL_REFUSALS, REFUSALS
from tests.suite.laws.lies_of_roads import ROADS
from tests.suite.laws.lies_of_size import SIZES
from tests.suite.laws.lies_of_sums import SUMS

ANSWERING: dict[str, type[Honest]] = {
    liar.__name__: liar
    for liar in (
        *PLACE,
        *SUMS,
        *CALLS,
        *GRADIENTS,
        *NUMBERS,
        *SIZES,
        *LAYERS,
        *MODES,
        *REFUSALS,
        *ROADS,
        *COSTS,
        *CROSSINGS,
    )
}
"""Those that come back with something, by name."""
ENDING: dict[str, type[Honest]] = {liar.__name__: liar for liar in (*FATAL, *FATAL_REFUSALS)}
"""Those that take their process with them: asked through the pool alone."""
LIARS: dict[str, str] = {name: (liar.__doc__ or "").strip() for name, liar in (ANSWERING | ENDING).items()}
"""What each liar gets wrong, in one line."""


def __getattr__(name: str) -> type[Honest]:
    """The liar of that name, for the import paths of targets."""
    try:
        return (ANSWERING | ENDING)[name]
    except KeyError:
        raise AttributeError(f"no liar {name!r}; there are {', '.join(LIARS)}") from None
