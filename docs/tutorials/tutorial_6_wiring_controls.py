"""
Wiring controls
===============

"Masks off" changes two things at once: *which* pairs exist, and *how many*. Whether the wiring
matters, or only its density, is asked by controls that keep some of it: ``rewired`` keeps every
neuron's in- and out-degree and destroys who connects to whom, ``random`` keeps only the number of
connections, ``dense`` keeps nothing.
"""

import numpy as np

import bionic_core as bionic

# %%
# Before training, look at what a control keeps: the number of connections is the same to the last
# one, the degrees of each neuron with ``rewired`` alone.


def wiring(level: str) -> bionic.Wiring:
    """Return the pairs that exist from layer A to layer B."""
    network = bionic.build(bionic.load("demo", set=[f'masks.wiring="{level}"']))
    (projection,) = [p for p in network.projections if p.site.name == "A->B"]
    return projection.wiring


real = wiring("real")
for level in ("real", "rewired", "random"):
    found = wiring(level)
    kept = np.array_equal(np.bincount(found.pre), np.bincount(real.pre))
    shared = len(found.intersect(real, 266)) / len(real)  # layer A has 266 neurons
    print(f"{level:8} {len(found)} connections, out-degrees kept: {kept}, shared: {shared:.0%}")

# %%
# Controls are levels of a factor; the real wiring is the reference. Each seed draws a control of
# its own, so that the interval is over draws too.

study = bionic.factorial(
    "demo",
    factors={"masks.wiring": ["real", "rewired", "random", "dense"]},
    seeds=2,
    epochs=1,
    set={"model.image": [1, 16, 16], "data.train": 140, "data.test": 70},
)
study.effects

# %%
# A wiring "matters" where ``rewired`` differs from ``real``. With so few pictures nothing is
# decided; what the controls keep and destroy on the real column is measured in
# :doc:`/results/connectomes-controls`.

study.plot.effects()
