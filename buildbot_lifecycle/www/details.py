"""Who sees the details of what is answered, and who a summary: each row by the right on its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.requests import HistoryQuery, Refusal
from buildbot_lifecycle.www.answers import SLICE
from buildbot_lifecycle.www.guard import Rights

Row = Mapping[str, Any]


async def rows(
    rights: Rights, summary: Callable[[Row], Row], found: Sequence[Row], reactor: Any
) -> list[Row]:
    """`found`, each row whole or as its `summary`; the master goes on between slices of them."""
    if rights.may_see_all:
        return list(found)
    shown = []
    for number, row in enumerate(found, 1):
        short = summary(row)
        # Most rows have nothing to hide: rights on thousands of workers need not be asked.
        whole = short is row or short == row or await rights.may_see(row["workerid"])
        shown.append(row if whole else short)
        if number % SLICE == 0:
            await task.deferLater(reactor, 0, lambda: None)
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


async def shutdown(rights: Rights, found: Sequence[Row], reactor: Any) -> list[Row]:
    """Masters with what keeps them from stopping."""
    masters: list[Row] = []
    for master in found:
        blockers = await rows(rights, summaries.blocker, master["blockers"], reactor)
        masters.append({**master, "blockers": blockers})
    return masters


async def timeline(rights: Rights, marks: Sequence[Row], reactor: Any) -> list[Row]:
    """Marks: each comes with a ``summary`` of its text where there is something to hide."""
    shown = await rows(rights, _of_mark, marks, reactor)
    return [{name: of for name, of in mark.items() if name != "summary"} for mark in shown]


def _of_mark(mark: Row) -> Row:
    return mark if mark.get("summary") is None else {**mark, "text": mark["summary"]}
