"""The words of docs/style.md: what it says that we do not write stands nowhere where people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.harness.master import ROOT
from tests.test_docs import PAGES, prose, rows, section

STYLE = "style"

#: What is checked: pages, the strings of the page's sources, and those of the code, docstrings too.
_FRONTEND = sorted((ROOT / "frontend" / "src").rglob("*.ts*"))
_CODE = sorted((ROOT / "buildbot_lifecycle").rglob("*.py"))


def texts() -> Iterator[tuple[str, str]]:
    """Each text, and where it stands. Markup that may stand between two words is a space."""
    for name, page in PAGES.items():
        if name != STYLE:
            yield f"docs/{name}.md", prose(page)
    yield "README.md", prose((ROOT / "README.md").read_text(encoding="utf-8"))
    for path in _FRONTEND:
        if not path.name.endswith(".d.ts"):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in _CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def plain(text: str) -> str:
    return re.sub(r"[\s*_`]+", " ", text).lower()


def unwanted_words() -> list[str]:
    listed = [cells[2] for cells in rows(section(PAGES[STYLE], "Names"))]
    return [word for cell in listed for word in re.findall(r"\*([^*]+)\*", cell)]


def unwanted_sentences() -> list[str]:
    return [cells[0] for cells in rows(section(PAGES[STYLE], "Sentences that were mended"))]


@pytest.fixture(scope="module")
def read() -> list[tuple[str, str]]:
    return [(where, plain(text)) for where, text in texts()]


@pytest.mark.parametrize("sentence", unwanted_sentences())
def test_a_sentence_that_was_mended_does_not_come_back(
    read: list[tuple[str, str]], sentence: str
) -> None:
    wanted = sentence.lower()
    assert [where for where, text in read if wanted in text] == []


@pytest.mark.parametrize("word", unwanted_words())
def test_a_thing_has_one_name(read: list[tuple[str, str]], word: str) -> None:
    found = re.compile(rf"\b{re.escape(word.lower())}s?\b")
    assert [where for where, text in read if found.search(text)] == []


def test_both_lists_are_read() -> None:
    assert len(unwanted_words()) > 10
    assert len(unwanted_sentences()) > 8
