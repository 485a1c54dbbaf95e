"""A whole table as CSV, a page of rows at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.core.requests import HistoryQuery, Page
from buildbot_lifecycle.host.pauses import breath
from buildbot_lifecycle.www import details, export, query
from buildbot_lifecycle.www.answers import (
    SLICE,
    Answer,
)
from buildbot_lifecycle.www.call import Call
from buildbot_lifecycle.www.entities import HISTORY
from buildbot_lifecycle.www.hub import until_left


async def table(call: Call, what: str) -> Answer:
    """All actions or orphans as CSV, newest first."""
    await call.rights.may_read()
    entity = HISTORY[what]
    most = export.MAX_ROWS
    asked = query.history(call.master.data, entity, what, call.args, default=most, most=most)
    await details.may_ask(call.rights, asked.query)
    names = export.columns(entity, asked.fields)
    size = min(asked.query.limit, MAX_PAGE)
    first = dataclasses.replace(asked.query, limit=size)
    # What cannot be asked is refused before anything is sent, and so is the rest announced.
    found = await until_left(call.service.history, first)
    last = None
    if found.more:
        last = found.rows[-1]["id"]
        if asked.query.limit > size:
            last = await until_left(call.service.last_of, asked.query)
    headers = {b"content-disposition": f'attachment; filename="{what}.csv"'.encode("ascii")}
    if last is not None:
        after = query.next_page(call.address, call.args, last)
        headers[b"link"] = f'<{after}>; rel="next"'.encode("ascii")
    return Answer(
        {},
        made=_lines(call, asked.query, names, found),
        streamed=True,
        content_type=b"text/csv; charset=utf-8",
        headers=headers,
    )


async def _lines(
    call: Call, asked: HistoryQuery, names: Sequence[str], found: Page
) -> AsyncIterator[bytes]:
    """The lines of a table, a page of rows at a time; `found` is the first."""
    yield export.header(names)
    left = asked.limit
    while True:
        shown = await call.shown(summaries.HISTORY[asked.what], found.rows)
        for start in range(0, len(shown), SLICE):
            yield export.lines(names, shown[start : start + SLICE])
            await breath(call.master.reactor)
        left -= len(found.rows)
        if not found.more or left <= 0:
            return
        size = min(left, MAX_PAGE)
        page = dataclasses.replace(asked, limit=size, before=found.rows[-1]["id"])
        found = await until_left(call.service.history, page)
