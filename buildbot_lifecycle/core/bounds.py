"""How much of a thing is kept, shown or read at once, where several rooms must agree on it.

A bound that concerns one module alone stands there.
"""

from __future__ import annotations

#: Characters of a text that may be long: a traceback, an output.
MAX_TEXT = 10_000

#: Characters of a sentence that is kept: an error in one line, a reason, a note.
MAX_LINE = 1000

#: Characters of a name, an address, a step.
MAX_NAME = 200

#: Rows of history that are read and answered as one page.
MAX_PAGE = 1000
