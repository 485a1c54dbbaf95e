"""The table of events in docs/rest, from the classes of their data.

    python docs/_ext/event_table.py

writes it into the page; `tests/test_docs.py` fails while the page has another.
"""

from __future__ import annotations

from pathlib import Path

from buildbot_lifecycle.shapes import events

PAGE = Path(__file__).parents[1] / "rest.md"
HEAD = "| kind | keys of `data` | |\n|---|---|---|\n"


def table() -> str:
    """The table as Markdown."""
    lines = []
    for kind, of in events.KINDS.items():
        keys = ", ".join(f"`{key}`" for key in events.keys(of))
        lines.append(f"| `{kind.value}` | {keys} | {events.said(of)} |\n")
    return HEAD + "".join(lines)


def with_table(page: str) -> str:
    """`page` with the table as it is now in the place of the one that it has."""
    before, _, rest = page.partition(HEAD)
    _, _, after = rest.partition("\n\n")
    return f"{before}{table()}\n{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
