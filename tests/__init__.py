"""All tests. This module is loaded first."""

import os
import sys

# Compiled code is kept, whatever the environment says: else each process of pytest, and each of the
# hundreds of masters, compiles all of it anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
