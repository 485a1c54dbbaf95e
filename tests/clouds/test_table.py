"""The table of the docs is made of tests that there are, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clouds import table
from tests.harness.master import ROOT


@pytest.mark.parametrize("name", table.CELLS)
def test_every_test_of_the_table_is_there(name: str) -> None:
    *folders, test = name.split(".")
    text = Path(ROOT, "tests", *folders[:-1], f"{folders[-1]}.py").read_text(encoding="utf-8")
    assert f"\ndef {test}(" in text


def test_every_cell_is_of_a_driver_and_a_column() -> None:
    for cell in (each for cells in table.CELLS.values() for each in cells):
        driver, column = cell.split("/")
        assert driver in table.DRIVERS
        assert column in table.COLUMNS


def test_the_docs_have_a_line_for_each_driver() -> None:
    lines = (ROOT / "docs" / "clouds-table.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == list(table.DRIVERS)


def test_what_was_not_seen_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(table.DIRECTORY, str(tmp_path))
    table.seen("Docker", "lost", "`a | b`")
    table.backend("Docker", "dockerd 20")
    found = table.seen_in(tmp_path)
    docker = table.table(found).splitlines()[2]
    assert docker.startswith("| Docker | dockerd 20 | not seen | not seen | not offered |")
    assert "`a \\| b`" in docker
    assert [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]


def test_a_part_of_the_tests_leaves_the_cells_of_an_earlier_run() -> None:
    text = (ROOT / "docs" / "clouds-table.md").read_text(encoding="utf-8")
    before = table.seen_before(text)
    assert before["Docker", "lost"] == "`exited, exit code 137`"
    assert ("Docker", "link") not in before, "not offered is no cell that was seen"
    assert table.table(before) == text
    again = {("SSH", "late start"): "`a \\| b`"}
    made = table.table({**before, **again})
    assert table.seen_before(made) == {**before, **again}
    assert table.table(table.seen_before(made)) == made
