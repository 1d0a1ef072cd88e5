"""
A first study
=============

Do connectome masks and inhibition change what a network learns, alone and together? A spec says
what the model is; a study trains every combination, with several seeds, and estimates effects.
"""

import bionic_core as bionic

# %%
# ``demo`` is a small BioNIC on drawn faces, which needs no download. Here it is made smaller
# still: pictures of 16 × 16 pixels, 140 of them to learn from, one epoch. Such a study can see
# next to nothing, which is worth knowing *before* it is trained:

small = {"model.image": [1, 16, 16], "data.train": 140, "data.test": 70}
asked = {"mechanisms": ["masks", "inhibition"], "seeds": 2, "epochs": 1, "set": small}

plan = bionic.plan("demo", **asked, seconds=0)
print(plan.runs, "runs")
plan.effects

# %%
# ``half_width`` is how far a 95 % interval will reach to either side, in percentage points, if
# runs spread as those of the plan's source do; effects that are smaller stay undecided. Now
# train. The runs go into the folder ``runs``, each named by a hash of what decides its numbers:
# the same line again trains nothing, and more seeds train only what is missing.

study = bionic.factorial("demo", **asked)
study.cells

# %%
# The effect of ``masks`` is the accuracy with masks less that without, over all else, in
# percentage points; ``masks:inhibition`` is half of what inhibition changes about it.

study.effects

# %%
# Every line of ``notes`` is something that a reader of these numbers must know.

print(*study.notes, sep="\n")

# %%
# A point is an estimate, a bar its 95 % interval. What crosses zero may be nothing.

study.plot.effects()

# %%
# ``study.report("page.html")`` writes all of it as one file to send to a colleague, and
#
# .. code-block:: console
#
#    bionic factorial --mechanisms masks,inhibition
#
# is the same study at its full size, a minute or two on two cores.
