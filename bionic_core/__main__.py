"""``python -m bionic_core`` is the command line, where the console script is not on the path."""

from bionic_core.cli import script

script()
