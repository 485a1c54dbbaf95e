"""The manual page, which is made of the commands."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from buildbot_lifecycle.shell import trouble
from buildbot_lifecycle.shell.main import main
from tests.harness.need import may_miss
from tests.test_docs import PAGES, of_the_docs, rows, section

PAGE = of_the_docs("man_page")


def test_the_page_is_that_of_the_commands() -> None:
    """Written by ``python docs/_ext/man_page.py``."""
    assert PAGE.PAGE.read_text(encoding="utf-8") == PAGE.page()


def test_each_command_and_each_option_is_on_it() -> None:
    text = PAGE.page().replace("\\-", "-")
    for name, command in main.commands.items():
        assert f"\n.SS {name}\n" in text
        for option in command.params:
            assert all(opt in text for opt in option.opts if opt.startswith("-"))


@pytest.mark.process
def test_mandoc_has_nothing_to_say_about_it_and_shows_it_at_the_width_of_a_terminal() -> None:
    found = shutil.which("mandoc")
    if found is None and "mandoc" in may_miss():
        pytest.skip("mandoc is missing, as $LIFECYCLE_MAY_MISS allows")
    assert found is not None, "mandoc is missing: see tests/harness/need.py"
    done = subprocess.run(
        [found, "-Tlint", "-Wwarning", str(PAGE.PAGE)], capture_output=True, text=True, check=False
    )
    # No date: the same commands make the same page.
    said = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert said == []
    shown = [found, "-Tascii", "-Owidth=78", str(PAGE.PAGE)]
    text = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    plain = re.sub(r".\x08", "", text)
    assert max(map(len, plain.splitlines())) <= 78
    assert "EXIT STATUS" in plain
    for status in trouble.ENDS:
        assert re.search(rf"^ +{status} +\w", plain, re.MULTILINE), status


def test_every_exit_status_is_in_the_help_and_in_the_docs() -> None:
    """And no other; what the docs have more to say of one is theirs."""
    assert set(trouble.Status) == {each for each in trouble.ENDS if each < 128}
    table = [
        row for row in rows(section(PAGES["command-line"], "Exit statuses")) if row[0] != "status"
    ]
    told = [int(number) for row in table for number in row[0].split(", ")]
    assert told == list(trouble.ENDS)
    text = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert all(f"{number:<3}  {words}" in text for number, words in trouble.ENDS.items())
    assert max(map(len, text.splitlines())) <= 80


def test_no_text_is_a_command_of_roff() -> None:
    assert PAGE._roff(".TH x") == "\\&.TH x"
    assert PAGE._roff("a\\b\n--c") == "a\\eb \\-\\-c"
