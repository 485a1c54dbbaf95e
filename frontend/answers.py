"""The interface's answers as JSON schemas, from which the types of the page are made.

    python3 answers.py > answers.json && npm run types

A test fails while answers.json is not what the interface says today, and `npm run typecheck` while
src/contract/answers.d.ts is not what it makes.
"""

import json
import sys

from buildbot_lifecycle.www import openapi
from buildbot_lifecycle.www.routes import ROUTES


def text():
    """The schemas as they are kept."""
    return json.dumps(openapi.of_the_page(ROUTES), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
