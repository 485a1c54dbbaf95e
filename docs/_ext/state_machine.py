"""Sphinx directives that draw and list ``core.states.TRANSITIONS``: the page cannot drift from it.

``{state-diagram}`` is the picture (SVG, no other program needed), ``{state-table}`` the same as a table.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from buildbot_lifecycle.core.states import TRANSITIONS, State

#: Centre of each state's box. A new state has no place here, and the build says so.
PLACES = {
    State.NOT_SUBSTANTIATED: (380, 40),
    State.SHUT_DOWN: (650, 40),
    State.SUBSTANTIATING: (110, 150),
    State.SUBSTANTIATING_STARTING: (110, 300),
    State.SUBSTANTIATED: (380, 390),
    State.INSUBSTANTIATING: (650, 150),
    State.INSUBSTANTIATING_SUBSTANTIATING: (650, 300),
}

WIDTH, HEIGHT = 780, 430
BOX_WIDTH, BOX_HEIGHT = 190, 44
BEND = 16.0

Point = tuple[float, float]


def svg() -> str:
    """The picture of the table."""
    arrows = "".join(_arrow(before, after) for before, after in TRANSITIONS)
    boxes = "".join(_box(state) for state in PLACES)
    said = escape("; ".join(f"{a.value} to {b.value}" for a, b in TRANSITIONS), quote=True)
    return (
        f'<svg class="state-machine" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img"'
        f' aria-label="Transitions: {said}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{arrows}{boxes}</svg>"
    )


def _box(state: State) -> str:
    x, y = PLACES[state]
    lines = state.value.replace("g_s", "g_ s").split()
    first = y + 4 - 7 * (len(lines) - 1)
    text = "".join(
        f'<text x="{x}" y="{first + 15 * number}" text-anchor="middle" font-size="13">{line}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<rect x="{x - BOX_WIDTH / 2}" y="{y - BOX_HEIGHT / 2}" width="{BOX_WIDTH}"'
        f' height="{BOX_HEIGHT}" rx="6" fill="#f4f6f8" stroke="#456"/>{text}'
    )


def _arrow(before: State, after: State) -> str:
    """From edge to edge; bent, so that the way there and the way back are two."""
    start, end = PLACES[before], PLACES[after]
    length = math.dist(start, end)
    across = (-(end[1] - start[1]) / length, (end[0] - start[0]) / length)
    middle = (
        (start[0] + end[0]) / 2 + BEND * across[0],
        (start[1] + end[1]) / 2 + BEND * across[1],
    )
    (x1, y1), (x2, y2) = _edge(start, middle), _edge(end, middle)
    way = escape(f"{before.value} to {after.value}: {TRANSITIONS[before, after]}")
    return (
        f'<path d="M{x1:.0f} {y1:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {x2:.0f} {y2:.0f}"'
        f' fill="none" stroke="#456" marker-end="url(#tip)"><title>{way}</title></path>'
    )


def _edge(centre: Point, towards: Point) -> Point:
    """Where the line from the centre of a box to a point leaves the box."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    share = min(
        BOX_WIDTH / 2 / abs(dx) if dx else math.inf,
        BOX_HEIGHT / 2 / abs(dy) if dy else math.inf,
    )
    return centre[0] + dx * share, centre[1] + dy * share


class StateDiagram(Directive):
    """``{state-diagram}``."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", svg(), format="html")]


class StateTable(Directive):
    """``{state-table}``."""

    def run(self) -> list[nodes.Node]:
        head = _row(*map(nodes.Text, ("from", "to", "where Buildbot makes it")))
        rows = [
            _row(_code(before), _code(after), nodes.Text(where))
            for (before, after), where in TRANSITIONS.items()
        ]
        group = nodes.tgroup(cols=3)
        group += [nodes.colspec(colwidth=width) for width in (30, 30, 40)]
        group += [nodes.thead("", head), nodes.tbody("", *rows)]
        return [nodes.table("", group)]


def _code(state: State) -> nodes.literal:
    return nodes.literal(state.value, state.value)


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("state-diagram", StateDiagram)
    app.add_directive("state-table", StateTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
