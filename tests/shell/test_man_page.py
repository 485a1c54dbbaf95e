"""The manual page, which is made of the commands."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from buildbot_lifecycle.shell.main import main
from tests.test_docs import of_the_docs

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
@pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")
def test_roff_has_nothing_to_say_about_it() -> None:
    command = ["groff", "-man", "-Tascii", "-ww", "-z", str(PAGE.PAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_no_text_is_a_command_of_roff() -> None:
    assert PAGE._roff(".TH x") == "\\&.TH x"
    assert PAGE._roff("a\\b\n--c") == "a\\eb \\-\\-c"
