"""bionic: neural networks built from biological mechanisms and real wiring.

>>> import bionic_core as bionic
>>> spec = bionic.load("baseline")
>>> model = bionic.build(spec)
>>> sum(parameter.numel() for parameter in model.parameters())
1381223

Importing this module imports no torch and sets nothing global; names are loaded when used.
"""

from __future__ import annotations

from bionic_core.base.lazy import offer_stub

__version__ = "0.1.0"

# torch takes a second to import, and most commands of the command line need none of it.
__getattr__, __dir__, __all__ = offer_stub(__name__, __file__, "__version__")
