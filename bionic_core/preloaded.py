"""What the workers' server imports before it is forked for each; it runs no operation of torch.

A process may be forked as long as torch has started no threads in it.
"""

from bionic_core.process import settle

settle()

import torch  # noqa: E402

import bionic_core.runs  # noqa: E402, F401

torch.optim.SGD([torch.empty(1)])  # the first optimiser of a process imports torch's compiler
