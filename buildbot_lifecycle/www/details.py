"""Who sees the details of what is answered, and who a summary: each row by the right on its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.requests import HistoryQuery, Refusal
from buildbot_lifecycle.host.pauses import breath
from buildbot_lifecycle.shapes.masters import MasterStop
from buildbot_lifecycle.shapes.spans import Mark
from buildbot_lifecycle.www.answers import SLICE
from buildbot_lifecycle.www.guard import Rights

#: A shape, or what is left of it as JSON.
Row = Any


async def rows(
    rights: Rights,
    summary: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    found: Sequence[Row],
    reactor: Any,
) -> list[Row]:
    """`found`, each row whole or as its `summary`; the master goes on between slices of them."""
    if rights.may_see_all:
        return list(found)
    shown = []
    for number, row in enumerate(found, 1):
        plain = msgspec.to_builtins(row)
        short = summary(plain)
        # Most rows have nothing to hide: rights on thousands of workers need not be asked.
        whole = short is plain or short == plain or await rights.may_see(plain.get("workerid"))
        shown.append(row if whole else short)
        if number % SLICE == 0:
            await breath(reactor)
    return shown


async def may_ask(rights: Rights, query: HistoryQuery) -> None:
    """Pass unless a filter would find out what is not shown; then `Refusal`."""
    hidden = summaries.ASKED_FOR.get(query.what, frozenset())
    for each in query.filters:
        if each.field in hidden and not await rights.may_see(query.workerid):
            text = f"{each.field} is not shown to you, so it cannot be asked for"
            if rights.user is None:
                raise Refusal("not_logged_in", f"{text}; log in")
            raise Refusal("forbidden", text)


async def shutdown(rights: Rights, found: Sequence[MasterStop], reactor: Any) -> list[MasterStop]:
    """Masters with what keeps them from stopping."""
    masters = []
    for master in found:
        blockers = await rows(rights, summaries.blocker, master.blockers, reactor)
        masters.append(replace(master, blockers=tuple(blockers)))
    return masters


async def timeline(
    rights: Rights, marks: Sequence[tuple[Mark, str | None]], reactor: Any
) -> list[Mark]:
    """Marks: each comes with a summary of its text where there is something to hide."""
    shown = []
    for number, (mark, summary) in enumerate(marks, 1):
        hides = summary is not None and not rights.may_see_all
        if hides and not await rights.may_see(mark.workerid):
            mark = replace(mark, text=summary)  # noqa: PLW2901
        shown.append(mark)
        if number % SLICE == 0:
            await breath(reactor)
    return shown
