"""``python -m bionic_core`` is the command line, where the console script is not on the path."""

import os
import sys
from pathlib import Path

# "python -m" puts the working directory first: a torch.py there would be imported. What is imported
# before this line would be still; "python -P -m bionic_core" leaves the folder out from the start.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()] != [str(Path(__file__).parents[1])]:
    del sys.path[0]

from bionic_core.cli import script

script()
