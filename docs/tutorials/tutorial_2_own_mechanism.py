"""
A mechanism of your own
=======================

A mechanism is a frozen attrs class: its fields are its keys in a spec, its hooks say where it
acts. This one is divisive normalisation (Carandini & Heeger 2012): the activity of a layer
divides each of its rates, *g* = 1 / (1 + mean *h* / σ).
"""

import attrs
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core import UNIT, Layer, Mechanism, hookimpl
from bionic_core.testing import check_mechanism

# %%
# What a hook answers is an ordinary module. ``gain`` asks for a factor on each neuron's input; B
# is the batch, Q the neurons of the layer.


class Pool(nn.Module):
    """g = 1 / (1 + mean h / σ); rates BQ → gain BQ."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, h: Tensor) -> Tensor:
        """Return the gain."""
        mean = torch.relu(h).mean(dim=1, keepdim=True)
        return (1 / (1 + mean / self.sigma)).expand_as(h)


@attrs.frozen(eq=False)
class Divisive(Mechanism):
    """A gain BQ → BQ, g = 1 / (1 + mean h / σ).

    Attributes:
        sigma: semi-saturation σ.
    """

    name, kind = "divisive", "functional"
    source = "Carandini & Heeger 2012, doi:10.1038/nrn3136"
    sigma: float = attrs.field(default=1.0, metadata={UNIT: "rate"})

    @hookimpl
    def gain(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return Pool(self.sigma)


# %%
# The equation against a number worked out by hand (rates 0, 2, 4 have the mean 2), and a few of
# the laws that all mechanisms keep; without names, ``check_mechanism`` judges by all of them.

print(Pool(sigma=1.0)(torch.tensor([[0.0, 2.0, 4.0]])))
check_mechanism(Divisive, "toml", "gradients")

# %%
# A spec may name it where the registry knows it; ``bionic.train("demo", plugins=[Divisive])`` and
# its like take the class itself. (In a package of its own, an entry point makes it known to
# everybody: :doc:`/how-to/package`.)

registry = bionic.Registry.installed().including(Divisive)
spec = bionic.load(
    "demo",
    with_=["divisive"],
    set=["divisive.sigma=0.5", "model.image=[1, 16, 16]", "data.train=140", "data.test=70",
         "training.max_epochs=1"],
    registry=registry,
)  # fmt: skip
network = bionic.build(spec)
found = network.trace(torch.rand(2, 1, 16, 16))
print([name for name in found if name.endswith("gain")])

# %%
# On and off, two seeds each:

study = bionic.factorial(spec, mechanisms=["divisive"], seeds=2)
study.effects
