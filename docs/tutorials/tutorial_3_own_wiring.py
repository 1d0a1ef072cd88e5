"""
Wiring of your own
==================

Cells and connections from two data frames become the wiring between the layers of a network.
Files that other tools wrote (CAVE, FlyWire, neuPrint, matrices …) are read by ``bionic connectome
import`` (:doc:`/how-to/connectomes`).
"""

from pathlib import Path

import numpy as np
import pandas as pd

import bionic_core as bionic

# %%
# A small circuit with somata on a sheet 200 µm wide: the nearer two cells, the likelier a
# connection.

rng = np.random.default_rng(0)
kinds = ["relay"] * 40 + ["pyramidal"] * 60 + ["basket"] * 20
cells = pd.DataFrame({"cell_id": np.arange(1, 121), "cell_type": kinds})
cells["broad_type"] = np.where(cells.cell_type == "basket", "inhibitory", "excitatory")
cells[["x", "y", "z"]] = rng.uniform(0, 200_000, (120, 3)) * [1, 1, 0.1]  # nm

place = cells[["x", "y"]].to_numpy()
distance = np.linalg.norm(place[:, None] - place[None], axis=2)
pre, post = np.nonzero((rng.random((120, 120)) < 0.6 * np.exp(-distance / 60_000)) & (distance > 0))
edges = pd.DataFrame({"pre": pre + 1, "post": post + 1, "count": 1 + rng.poisson(2, len(pre))})
edges.head()

# %%
# Nothing is guessed: an id that is not among the cells, a row that is there twice, a missing
# column are refused, with the row.

wiring = bionic.Connectome.from_edges(edges, cells, label="a drawn sheet")
Path("runs").mkdir(exist_ok=True)
wiring.save("runs/sheet.npz")
wiring.plot()

# %%
# A layer is a list of cell types: its size and its connections are the connectome's. ``masks``
# keeps exactly the pairs that exist.

Path("runs/sheet.toml").write_text("""
[model]
layers = { relay = ["relay"], cortex = ["pyramidal"] }
projections = ["relay->cortex"]
classes = 7
image = [1, 16, 16]

[connectome]
source = "sheet.npz"

[data]
source = "schematic"
train = 140
test = 70

[training]
max_epochs = 1

[mechanisms.convolution]
[mechanisms.masks]
""")
run = bionic.train("runs/sheet.toml")
(projection,) = run.model.projections
print(len(projection.wiring), "of", projection.values.numel(), "possible pairs are wired")

# %%
# What every cell does when it is shown an image, by cell type and id:

run.activity("test", frame=True).head()
