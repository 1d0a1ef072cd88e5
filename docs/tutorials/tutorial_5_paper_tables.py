"""
The paper's tables
==================

``bionic reproduce`` trains what Tables 3 to 6 and Appendix A of the BioNIC paper need, and sets
each published number beside ours, with a z-score. At full size that is many runs of up to 400
epochs on FER-2013; here it is one seed, one epoch, and drawn pictures of 16 × 16 pixels, so that
what is shown is the *shape* of the answer: **no number below can be compared with the paper's**.
"""

import warnings
from pathlib import Path

import pandas as pd

import bionic_core as bionic

# %%
# What a reader must know comes as warnings, and in ``notes``; here they are all about the size.

with warnings.catch_warnings():
    warnings.simplefilter("ignore", bionic.BionicWarning)
    found = bionic.reproduce(
        quick=True,
        seeds=1,
        data="schematic",
        epochs=1,
        set={"model.image": [1, 16, 16], "data.train": 70, "data.test": 35},
        out="runs/paper",
    )
print(found.paper.title)
print([Path(file).name for file in found.files])

# %%
# Table 4 is the leave-one-out table: accuracy of each variant, published and ours.

(name, variants), *_ = found.variants.items()
pd.DataFrame(
    {
        "variant": one.label,
        "published": one.figures["accuracy"].published,
        "ours": one.figures["accuracy"].ours,
        "parameters": one.parameters.published,
    }
    for one in variants
)

# %%
# The smallest change that such a study could see, and the reader's notes:

print(found.detectable)
print(*found.notes, sep="\n")

# %%
# The real thing, which can be interrupted and goes on where it stopped:
#
# .. code-block:: console
#
#    bionic reproduce --data fer2013.csv --quick
