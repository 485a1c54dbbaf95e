"""Errors in one line: the innermost, without the master's paths."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from buildbot.interfaces import LatentWorkerFailedToSubstantiate
from twisted.internet import defer
from twisted.internet import error as net
from twisted.python.failure import Failure
from twisted.spread.pb import RemoteError

from buildbot_lifecycle.host.reasons import is_unanswered, one_line, plain, words


def raised(error: BaseException) -> Failure:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - all of them
        return Failure()  # type: ignore[no-untyped-call]


def first(error: BaseException) -> Exception:
    return defer.FirstError(raised(error), 0)  # type: ignore[no-untyped-call]


class _Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("quota"), "RuntimeError: quota"),
        (RuntimeError(), "RuntimeError"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError("one\n  two\r\n\x1b[31mthree\x00"), "RuntimeError: one two [31mthree"),
        (first(ValueError("no secret 'a'")), "ValueError: no secret 'a'"),
        (first(first(ValueError("deep"))), "ValueError: deep"),
        (
            Exception([raised(net.ConnectionLost()), raised(OSError("x"))]),
            "ConnectionLost: Connection to the other side was lost in a non-clean fashion.; OSError: x",
        ),
        (Exception([raised(OSError("x")), raised(OSError("x"))]), "OSError: x"),
        (RemoteError(b"builtins.OSError", "disk full", None), "OSError: disk full"),
        (LatentWorkerFailedToSubstantiate("i-1", "gone"), "LatentWorkerFailedToSubstantiate: i-1 gone"),
        (_Unshowable(), "_Unshowable: <_Unshowable that cannot be shown>"),
    ],
)  # fmt: skip
def test_an_error_is_told_in_one_line_by_its_innermost(error: Exception, line: str) -> None:
    assert one_line(error) == line
    assert one_line(raised(error)) == line


def test_an_error_that_was_made_a_text_is_unwrapped_too() -> None:
    told = one_line(RuntimeError(f"renderables failed: {first(KeyError('token'))}"))
    assert "\n" not in told
    assert "Failure instance" not in told
    assert "FirstError" not in told
    assert "KeyError: 'token'" in told
    assert __file__ not in told


def test_the_masters_directories_are_not_told() -> None:
    here = Path.cwd()
    library = next(path for path in sys.path if path.endswith("site-packages"))
    text = f"{library}/a/b.py and '{here}/secret.pem' in {here}, not /elsewhere{here}/x"
    assert plain(text) == f"a/b.py and 'secret.pem' in , not /elsewhere{here}/x"


def test_an_error_that_carries_itself_ends() -> None:
    error = RuntimeError("x")
    error.args = ([raised(error)],)
    assert one_line(error).startswith("RuntimeError")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with 3.11")
def test_a_group_of_errors_is_told_by_its_members() -> None:
    group = eval("ExceptionGroup('several', [ValueError('a'), KeyError('b')])")
    assert one_line(group) == "ValueError: a; KeyError: 'b'"


def test_a_class_that_says_nothing_is_left_out_of_the_words() -> None:
    assert words(RuntimeError("too old")) == "too old"
    assert words(ValueError("too old")) == "ValueError: too old"


@pytest.mark.parametrize(
    ("error", "unanswered"),
    [
        (TimeoutError(), True),
        (asyncio.CancelledError(), True),
        (defer.CancelledError(), True),
        (net.ConnectionLost(), True),
        (net.TimeoutError(), True),
        (first(net.ConnectionDone()), True),
        (type("ReadTimeout", (OSError,), {})(), True),
        (net.ConnectionRefusedError(), False),
        (RuntimeError("quota"), False),
    ],
)
def test_a_missing_answer_is_known_as_one(error: Any, unanswered: bool) -> None:
    assert is_unanswered(raised(error)) is unanswered
