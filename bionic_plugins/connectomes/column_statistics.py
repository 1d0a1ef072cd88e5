"""Published and measured statistics of the MICrONS V1 column, from which its surrogate is drawn.

Counts: BioNIC Table 1. Connection probabilities, sizes, totals and degrees: the column census at
materialization 1718 (Schneider-Mizell et al. 2025, doi:10.1038/s41586-024-07780-8; MICrONS
Consortium 2025, doi:10.1038/s41586-025-08790-w). Depths: soma positions at materialization 1300.
Fall-off: Campagnola et al. 2022, doi:10.1126/science.abj5861.
"""

from __future__ import annotations

import numpy as np

COUNTS = {
    "23P": 349,
    "4P": 266,
    "5P-ET": 38,
    "5P-IT": 137,
    "5P-NP": 10,
    "6P-CT": 143,
    "6P-IT": 192,
    "6P-U": 28,
    "WM-P": 20,
    "BC": 59,
    "BPC": 33,
    "MC": 41,
    "NGC": 17,
}
INHIBITORY = ("BC", "BPC", "MC", "NGC")

DEPTH = {  # mean, SD, least and greatest soma depth in µm
    "23P": (167, 52, 60, 300),
    "4P": (311, 35, 250, 383),
    "5P-ET": (466, 28, 391, 514),
    "5P-IT": (412, 42, 347, 504),
    "5P-NP": (513, 39, 437, 580),
    "6P-CT": (614, 44, 515, 699),
    "6P-IT": (616, 62, 501, 727),
    "6P-U": (624, 63, 505, 716),
    "WM-P": (731, 4, 722, 740),
    "BC": (394, 153, 114, 698),
    "BPC": (315, 147, 131, 641),
    "MC": (384, 145, 70, 648),
    "NGC": (157, 182, 30, 676),
}

MEASURED = ("23P", "4P", "5P-ET", "5P-IT", "5P-NP", "6P-CT", "6P-IT", "BC", "BPC", "MC", "NGC")

_PROBABILITY = """
0.04910  0.01537  0.09475  0.01678  0.00403  0.00637  0.00603  0.13668  0.03670  0.17538  0.02685
0.03927  0.05186  0.08462  0.04678  0.00614  0.01303  0.00980  0.16987  0.03536  0.12835  0.03289
0.00296  0.00258  0.04671  0.01275  0.01765  0.03069  0.02628  0.06787  0.01103  0.07121  0.00368
0.03730  0.02251  0.07990  0.03778  0.01167  0.02101  0.01525  0.12821  0.03750  0.13553  0.03646
0.02282  0.00526  0.10000  0.01833  0.00000  0.07391  0.05638  0.08077  0.06875  0.05789  0.00000
0.00049  0.00591  0.03836  0.00688  0.05362  0.01953  0.01334  0.02230  0.00861  0.07094  0.00272
0.00418  0.00425  0.02409  0.00612  0.01809  0.02598  0.01794  0.08429  0.01064  0.04955  0.02394
0.22999  0.23600  0.31109  0.20962  0.05000  0.09420  0.10638  0.25666  0.09135  0.11842  0.00962
0.00923  0.01151  0.04779  0.02708  0.05000  0.02717  0.01862  0.15024  0.08398  0.16776  0.04297
0.31932  0.25277  0.32198  0.23246  0.10000  0.10870  0.08959  0.20243  0.18092  0.07479  0.16447
0.05956  0.04660  0.14338  0.03438  0.01250  0.02446  0.02261  0.04327  0.08203  0.01645  0.09375
"""

PROBABILITY = np.array(_PROBABILITY.split(), float).reshape(len(MEASURED), len(MEASURED))
"""Connection probability, pre (row) → post (column), in the order of MEASURED."""

POOLED = {"6P-U": {"6P-CT": 143, "6P-IT": 192}, "WM-P": {"6P-CT": 143, "6P-IT": 192}}
"""Types without statistics of their own take the weighted mean of the layer-6 types."""

OUT_DEGREE_CV = {  # beyond chance, from the published mean and SD of the out-degree
    "23P": 0.41,
    "4P": 0.36,
    "5P-ET": 0.4,
    "5P-IT": 0.56,
    "5P-NP": 0.4,
    "6P-CT": 0.57,
    "6P-IT": 0.73,
    "6P-U": 0.7,
    "WM-P": 0.7,
    "BC": 0.46,
    "BPC": 0.4,
    "MC": 0.6,
    "NGC": 0.4,
}

IN_DEGREE_CV = {"4P": 0.18, "23P": 0.32, "5P": 0.3, "6P": 0.47, "WM": 0.47}
"""Spread of inhibitory input beyond chance, by the beginning of the post type's name."""

NO_INHIBITION = {"6P": 0.04, "WM": 0.04}
"""Share of cells that no inhibitory cell of the column reaches, beyond chance."""

OUT_DEGREE = {  # published mean and SD of the number of targets in the column
    "23P": (48, 21),
    "4P": (60, 23),
    "5P-IT": (50, 29),
    "6P-CT": (16, 10),
    "6P-IT": (21, 16),
    "BC": (249, 115),
    "MC": (289, 175),
}

INHIBITORY_PARTNERS = {"A": (27, 7), "B": (30, 10), "C": (27, 11), "D": (12, 7)}
"""Mean and SD of the number of inhibitory cells that reach an excitatory cell, by layer."""

LAYERS = {
    "A": ("4P",),
    "B": ("23P",),
    "C": ("5P-ET", "5P-IT", "5P-NP"),
    "D": ("6P-CT", "6P-IT"),
    "Inh": INHIBITORY,
}
"""Layers with statistics of their own: excitatory types by layer, and inhibitory ones."""

FALL_OFF = {"ee": 127.0, "ei": 99.8, "ie": 96.6, "ii": 126.8}
"""Gaussian σ in µm of the lateral fall-off, pre and post broad type."""

RECIPROCAL = 0.25
"""Share of connections whose reverse exists: 2 · 9,869 of 78,301 connections."""

SYNAPSES_EE = (28660, 2700, 490, 160)
"""Connections of 1, 2, 3, 4 synapses between excitatory cells."""

SYNAPSES_IE = (12700, 5070, 2905, 1806, 1257, 882, 592, 390, 303, 217, 130)
"""Connections of 1 … 11 synapses from inhibitory to excitatory cells."""

TAIL_IE = (398, 0.9405, 45)
"""Connections of 12 and more synapses: their number, the ratio from one to the next, the most."""

MEAN_EI = 1.72
"""Synapses of a connection from an excitatory to an inhibitory cell, from the totals."""

LN_SIZE = {"ee": (8.51, 1.21), "ie": (8.6, 1.18), "ei": (8.8, 1.0), "ii": (8.7, 1.24)}
"""Mean and SD of ln(summed synapse size in voxels) of a connection."""
