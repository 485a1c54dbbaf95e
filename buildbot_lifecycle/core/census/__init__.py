"""The census: what clouds list, joined with what the master knows of its workers and of its ledger.

Two rules stand above all others. Nothing healthy is called nobody's: whatever may still explain an
instance (a start whose name is not known yet, a call that was given up and runs on, a worker that has
changed since the cloud was asked, another master) makes it *unknown*, with a word that says why; and it
takes two looks in a row that explain nothing. And nothing is called missing because one list lacks it.

No clock of a cloud is compared with ours. That a worker has changed is seen by comparing what was known
of it when the look began with what is known now.
"""

from __future__ import annotations

from buildbot_lifecycle.core.census.picture import Held, Listed, Look, Open, Picture
from buildbot_lifecycle.core.census.rows import Row, ToldApart, rows, why_not_endable
from buildbot_lifecycle.core.census.standing import (
    Absence,
    Standing,
    Trace,
    absences,
    same_mark,
    stands,
    traced,
)
from buildbot_lifecycle.core.census.words import LOOKS, NOBODYS, OWNED, STANDINGS, STATES

__all__ = [
    "LOOKS",
    "NOBODYS",
    "OWNED",
    "STANDINGS",
    "STATES",
    "Absence",
    "Held",
    "Listed",
    "Look",
    "Open",
    "Picture",
    "Row",
    "Standing",
    "ToldApart",
    "Trace",
    "absences",
    "rows",
    "same_mark",
    "stands",
    "traced",
    "why_not_endable",
]
