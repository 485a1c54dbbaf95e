"""`python -m buildbot_lifecycle.demo`: a master with workers of all sorts."""

import sys

from buildbot_lifecycle.demo.demo import main

sys.exit(main())
