"""Sphinx directive ``{required-names}``: the table ``master.required.REQUIRED`` as a list."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from buildbot_lifecycle.host.required import REQUIRED


class RequiredNames(Directive):
    """``{required-names}``."""

    def run(self) -> list[nodes.Node]:
        listed = nodes.bullet_list()
        for cls, names in REQUIRED.items():
            full = f"{cls.__module__}.{cls.__qualname__}"
            line = nodes.paragraph("", "", nodes.literal(full, full), nodes.Text(": "))
            for number, name in enumerate(names):
                line += [nodes.Text(", " if number else ""), nodes.literal(name, name)]
            listed += nodes.list_item("", line)
        return [listed]


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("required-names", RequiredNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
