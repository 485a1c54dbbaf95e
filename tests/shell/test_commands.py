"""What commands ask, what they print, and what they end with."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from typing import Any

import click
import pytest
from buildbot.data.connector import DataConnector

from buildbot_lifecycle.shell import acts, terminal
from buildbot_lifecycle.shell.main import main
from buildbot_lifecycle.www import entities, query
from tests.shell.conftest import API, Fake, Shell
from tests.shell.examples import example, verdict, worker, workers
from tests.test_docs import PAGES, blocks

PLAN = {
    "eligible": True,
    "why_not": None,
    "code": None,
    "steps": [
        {"step": "pause", "target": "worker", "text": "Pause it", "done": None, "detail": None}
    ],
    "warnings": ["The instance may run on"],
    "episode": 10,
    "verdict": verdict("stuck"),
    "instance": "i-1",
    "builds": [],
    "build": None,
    "where": [],
}
ACTION: dict[str, Any] = {
    "id": 5,
    "status": "done",
    "steps": [],
    "outcome": "released",
    "worker": "stuck-stop",
}


@pytest.fixture
def stuck(fake: Fake) -> Fake:
    """One stuck worker whose force works."""
    fake.put("GET", "/workers/stuck-stop", workers(worker()))
    fake.put("GET", "/workers/4", workers(worker()))
    fake.put("POST", "/workers/4/force-disconnect", {"dry_run": PLAN}, {"action": ACTION})
    return fake


def test_the_stuck_stand_first_and_of_these_who_waits_longest(fake: Fake, shell: Shell) -> None:
    levels = [
        ("a", "ok", 0),
        ("b", "slow", 0),
        ("c", "stuck", 9),
        ("d", "new", 0),
        ("e", "stuck", 3),
    ]
    rows = [worker(name=name, verdict=verdict(level, since)) for name, level, since in levels]
    fake.put("GET", "/workers", workers(*rows))
    done = shell("workers", "--limit", "4")
    assert done.exit_code == 0, done.output
    assert [line[0] for line in done.output.splitlines()[1:]] == ["e", "c", "b", "d"]
    assert shell("workers", "--check").exit_code == 1
    fake.put("GET", "/workers", workers(*rows[:2]))
    assert shell("workers", "--check").exit_code == 0


def test_filters_are_those_of_rest(fake: Fake, shell: Shell) -> None:
    fake.put("GET", "/workers", workers())
    shell(
        "workers", "--level", "stuck", "--level", "slow", "--name", "x", "--where", "orphans__gt=0"
    )
    query = [("level", "stuck"), ("level", "slow"), ("name__contains", "x"), ("orphans__gt", "0")]
    assert fake.asked[0][2] == query
    assert shell("workers", "--where", "nonsense").exit_code == 2


def _wheres() -> list[tuple[str, str]]:
    """Of each command that has `--where`, its example."""
    found = []
    for name, command in main.commands.items():
        for option in command.params:
            if isinstance(option, click.Option) and option.name == "wheres":
                example_of = re.search(r"for example (\S+)\. ", option.help or "")
                assert example_of, name
                found.append((name, example_of[1]))
    return found


@pytest.mark.parametrize(("command", "given"), _wheres())
def test_the_example_of_a_filter_is_one_that_rest_takes_there(command: str, given: str) -> None:
    of = {**entities.HISTORY, "instances": entities.INSTANCE}
    field, value = given.split("=")
    args = {field.encode(): [value.encode()]}
    query.collection(DataConnector(), of.get(command, entities.WORKER), args)


@pytest.mark.parametrize("command", ["workers", "actions", "episodes", "orphans", "instances"])
def test_two_forms_at_once_are_an_error_that_names_both(
    fake: Fake, shell: Shell, command: str
) -> None:
    for given in (["--json", "--csv"], ["--csv", "--json"]):
        done = shell(command, *given)
        assert done.exit_code == 2
        assert "--json and --csv" in done.stderr
    assert fake.asked == []


def test_json_is_what_rest_answers_and_csv_has_no_formula(fake: Fake, shell: Shell) -> None:
    answer = workers(worker(name="=1+1", state_since=0.0))
    fake.put("GET", "/workers", answer)
    assert json.loads(shell("workers", "--json").stdout) == answer
    (row,) = csv.DictReader(shell("workers", "--csv").stdout.splitlines())
    assert row["name"] == "'=1+1"
    assert row["state_since"] == "1970-01-01T00:00:00+00:00"
    assert json.loads(row["verdict"])["level"] == "stuck"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "=1+1",
            "+1",
            "-1",
            "@sum",
            "\t=1",
            "\r=1",
            "\tx",
            "\rx",
            "\nx",
            "  =1",
            '"=1',
            "\uff1d1",
        ),
        *("a;=1", "a\n=1", "a\r\n+1", "a\t@x"),
    ],
)
def test_no_cell_of_any_command_begins_as_a_formula(fake: Fake, shell: Shell, text: str) -> None:
    """Also where a spreadsheet parts cells at semicolons, and with the signs of other keyboards."""
    fake.put("GET", "/workers", workers(worker(name=text, pause_reason=text, instance=text)))
    orphan = {**example("orphans")["orphans"][0], "instance": text, "why": text}
    fake.put("GET", "/orphans", {**example("orphans"), "orphans": [orphan]})
    for command, fields in (
        ("workers", ("name", "pause_reason", "instance")),
        ("orphans", ("why",)),
    ):
        done = shell(command, "--csv")
        assert done.exit_code == 0, done.output
        (row,) = csv.DictReader(io.StringIO(done.stdout, newline=""))
        for field in fields:
            cell = row[field]
            assert cell.replace("'", "") == text
            for part in re.split(r"[;\t\r\n]", cell):
                assert not part.strip(' "').startswith(("=", "+", "-", "@", "\uff1d")), cell
            assert not cell.startswith(("\t", "\r", "\n"))


def test_csv_on_a_terminal_does_not_steer_it_and_a_file_gets_it_as_it_is(
    fake: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put("GET", "/workers", workers(worker(name="a\x1b[2Jb")))
    assert "\x1b[2J" in shell("workers", "--csv").stdout
    monkeypatch.setattr(terminal, "columns", lambda: 80)
    told = shell("workers", "--csv").stdout
    assert "\x1b" not in told
    assert len(told.splitlines()) == 2


def test_no_text_steers_the_terminal(fake: Fake, shell: Shell) -> None:
    evil = "a\x1b[2Jb\x9b31m\r\u202egone"
    fake.put(
        "GET", "/workers", workers(worker(name=evil, verdict={**verdict("stuck"), "reason": evil}))
    )
    fake.put("GET", "/workers/x", {"error": evil, "code": "no_such_worker"}, status=404)
    for done in (shell("workers"), shell("workers", "--json"), shell("worker", "x")):
        assert not {"\x1b", "\x9b", "\u202e", "\r"} & set(done.output), done.output
        assert "gone" in done.output


def test_a_table_fits_the_terminal_and_a_level_is_a_word_too(
    fake: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {**verdict("stuck"), "reason": "wörker ☃ 工 " * 40}
    fake.put("GET", "/workers", workers(worker(verdict=long)))
    assert max(map(len, shell("workers").output.splitlines())) > 300
    monkeypatch.setattr(terminal, "columns", lambda: 60)
    lines = shell("workers", color=True).output.splitlines()
    assert "\x1b[31m" in lines[1]
    plain = shell("workers").output.splitlines()
    assert max(map(terminal.width_of, plain)) <= 60
    assert "stuck-stop" in plain[1]
    assert " stuck " in plain[1]
    shell.env["NO_COLOR"] = "1"
    assert shell("workers", color=True).output.splitlines() == plain


def test_a_long_reason_stands_whole_below_its_row_where_there_is_no_room_beside_it(
    fake: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = (
        "stop_instance has not ended for 1 min 18 s, longer than its limit of 15 s; and so on " * 3
    )
    fine = worker(name="fine", verdict={**verdict("ok"), "code": "healthy"})
    fake.put(
        "GET", "/workers", workers(worker(verdict={**verdict("stuck"), "reason": reason}), fine)
    )
    for width, is_below in ((80, True), (400, False)):
        monkeypatch.setattr(terminal, "columns", lambda width=width: width)
        heading, *lines = shell("workers").output.splitlines()
        assert ("REASON" not in heading) is is_below
        assert max(map(len, lines)) <= width
        told, ok = lines[:-1], lines[-1]
        assert reason.strip() in " ".join(line.strip() for line in told)
        assert ok.split()[:2] == ["fine", "ok"]
        assert (len(told) > 1) is is_below
        assert "it is ok" not in ok  # nothing is waited for, and nothing is said of it


def test_nothing_found_is_said_and_no_heading_stands_alone(fake: Fake, shell: Shell) -> None:
    fake.put("GET", "/workers", workers())
    done = shell("workers")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No entries match.\n")
    assert shell("workers", "--csv").output == ""


def test_an_event_is_told_in_words(fake: Fake, shell: Shell) -> None:
    where = [{"file": "driver.py", "line": 7, "function": "wait"}] * 2
    data = {
        "build": {"buildid": 5, "builder": "linux", "number": 3},
        "seconds": 9.99994707,
        "until": 1795752556.5,
        "where": where,
        "peer": None,
        "fast": True,
    }
    fake.put("GET", "/workers/a", workers(worker(name="a")))
    number = worker()["workerid"]
    event = {"id": 1, "at": 1795752556.5, "kind": "where", "data": data}
    fake.put("GET", f"/workers/{number}/events", {"events": [event], "meta": {"next": None}})
    line = shell("events", "a").output
    assert "build=linux/3 seconds=10 until=2026-11-2" in line
    assert "where=wait(driver.py:7) < wait(driver.py:7) fast=yes\n" in line


def test_one_worker_is_told_with_where_its_call_hangs(fake: Fake, shell: Shell) -> None:
    frame = {"file": "driver.py", "line": 7, "function": "wait"}
    pending = {"call": "stop_instance", "since": 1795516711.998, "where": [frame]}
    fake.put("GET", "/workers/stuck-stop", workers(worker(pending=pending)))
    done = shell("worker", "stuck-stop", "--check")
    assert done.exit_code == 1
    assert "stop_instance for 46 s" in done.output
    assert "\n            wait (driver.py:7)\n" in done.output


def test_a_long_verdict_is_wrapped_beside_its_label(
    fake: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "stop_instance has not ended for 1 min 18 s, longer than its limit of 15 s; " * 3
    row = worker(verdict={**verdict("stuck"), "reason": reason}, paused=True, pause_reason=reason)
    fake.put("GET", "/workers/stuck-stop", workers(row))
    whole = shell("worker", "stuck-stop").output.splitlines()
    assert any(line.startswith("verdict: ") and len(line) > 200 for line in whole)  # into a file
    monkeypatch.setattr(terminal, "columns", lambda: 60)
    lines = shell("worker", "stuck-stop").output.splitlines()
    for label in ("verdict:", "paused:"):
        (first,) = (n for n, line in enumerate(lines) if line.startswith(label))
        told = [lines[first], *itertools.takewhile(lambda x: x[0] == " ", lines[first + 1 :])]
        assert len(told) > 3
        assert max(map(len, told)) <= 60
        assert {line[:12].strip() for line in told[1:]} == {""}
        assert reason.strip() in " ".join(line[12:] for line in told)


def test_what_is_left_of_a_release_is_told_with_the_command_that_does_it(
    fake: Fake, shell: Shell
) -> None:
    instance = {"orphan": 7, "name": "i-1", "cause": "release", "since": 1.0, "link": None}
    left = {
        "released": None,
        "instances": [{**instance, "endable": False}],
        "pause": {"action": 3, "orphan": None},
        "calls": [{"call": "stop_instance", "since": 1795516711.998}],
    }
    fake.put("GET", "/workers/a", workers(worker(name="a", forceable=False, to_do=left)))
    told = shell("worker", "a").output
    assert "i-1 may still run" in told
    assert "buildbot-lifecycle orphans resolve 7 --note" in told
    assert "stop_instance still runs, abandoned, for 46 s" in told
    assert "buildbot-lifecycle unpause a --reason" in told


def test_a_name_with_a_slash_is_asked_for_by_its_number(fake: Fake, shell: Shell) -> None:
    fake.put("GET", "/workers", workers(worker(name="a/b")))
    fake.put("GET", "/workers/4", workers(worker(name="a/b")))
    assert "a/b" in shell("worker", "a/b").output
    assert fake.asked[0][2] == [("name", "a/b")]


def test_of_several_masters_none_is_guessed(fake: Fake, shell: Shell) -> None:
    answer = example("choices")
    fake.put("GET", "/workers/linux", answer, status=300)
    for command in ("worker", "pause", "force"):
        reason = [] if command == "worker" else ["--reason", "x"]
        done = shell(command, "linux", *reason)
        assert done.exit_code == 5
        assert "--master 1: one" in done.stderr
        assert "--master 2: two" in done.stderr
    assert fake.bodies() == []
    fake.put("GET", "/workers/linux", workers(worker()))
    assert shell("worker", "linux", "--master", "2").exit_code == 0
    assert fake.asked[-1][2] == [("masterid", "2")]


@pytest.mark.parametrize(
    ("changes", "arguments", "status"),
    [
        ({}, [], 1),
        ({"blockers": []}, [], 0),
        (
            {"blockers": [], "waits": [{"what": "database", "since": 0.0, "text": "it is away"}]},
            [],
            1,
        ),
        ({}, ["--unreleasable"], 0),
        ({"live": False}, [], 0),
        ({}, ["--master", "1"], 1),
        ({}, ["--master", "9"], 2),
    ],
)
def test_what_would_keep_a_master_from_stopping_is_the_exit_status(
    fake: Fake, shell: Shell, changes: Any, arguments: list[str], status: int
) -> None:
    answer = example("shutdown")
    answer["shutdown"][0].update(changes)
    fake.put("GET", "/shutdown", answer)
    done = shell("stop-check", *arguments)
    assert done.exit_code == status, done.output
    assert shell("stop-check", "--json", *arguments).exit_code == status


def test_a_fault_is_never_taken_for_something_found(fake: Fake, shell: Shell) -> None:
    """Status 1 means something: an answer of another version must not end so by a traceback."""
    fake.put("GET", "/shutdown", {"shutdown": [{"masterid": 1}], "meta": {}})
    done = shell("stop-check")
    assert done.exit_code == 3
    assert "not understood" in done.stderr


def test_a_force_is_shown_first_and_its_name_is_asked_for(
    stuck: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    done = shell("force", "stuck-stop", "--reason", "gone", "--no-pause", input="stuck-stop\n")
    assert done.exit_code == 0, done.output
    assert done.output.index("1. Pause it") < done.output.index("The worker's name")
    assert "! The instance may run on" in done.output
    body = {"episode": 10, "override": False, "pause": False}
    assert stuck.bodies() == [
        {**body, "dry_run": True},
        {**body, "confirm": "stuck-stop", "reason": "gone"},
    ]
    assert [query for method, _, query, _, _ in stuck.asked if method == "POST"] == [
        [("masterid", "1")]
    ] * 2


@pytest.mark.parametrize(
    ("arguments", "typed", "status"),
    [
        (["stuck-stop", "--reason", "x"], "another\n", 5),
        (["stuck-stop", "--reason", "x"], None, 2),  # nobody is there
        (["4", "--reason", "x", "--yes"], "", 2),  # the number of who knows which worker
        (["stuck-stop", "--yes"], "", 2),
        (["stuck-stop", "--reason", "  ", "--yes"], "", 2),
        (["stuck-stop", "--dry-run"], "", 0),
    ],
)
def test_what_is_not_meant_is_not_done(
    stuck: Fake,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    typed: str | None,
    status: int,
) -> None:
    monkeypatch.setattr(terminal, "can_ask", lambda: typed is not None)
    done = shell("force", *arguments, input=typed)
    assert done.exit_code == status, done.output
    assert all(body["dry_run"] for body in stuck.bodies())


def test_what_would_be_refused_is_not_asked_for(stuck: Fake, shell: Shell) -> None:
    plan = {**PLAN, "eligible": False, "code": "not_eligible", "why_not": "it is not stuck"}
    for more in (["--dry-run"], ["--yes", "--reason", "x"]):
        path = "/workers/4/force-disconnect"
        stuck.put("POST", path, {"dry_run": plan}, {"dry_run": PLAN})
        done = shell("force", "stuck-stop", *more)
        assert done.exit_code == 5
        assert "--override" in done.stderr
    assert all(body["dry_run"] for body in stuck.bodies())


def test_an_override_is_advised_only_where_it_would_help_and_was_not_given(
    stuck: Fake, shell: Shell
) -> None:
    """A worker that is building is refused with it too, and not everybody may override."""
    path = "/workers/4/force-disconnect"
    plan = {**PLAN, "eligible": False, "code": "not_eligible", "why_not": "it is building"}
    stuck.put("POST", path, {"dry_run": plan})
    for more in ([], ["--override"]):
        done = shell("force", "stuck-stop", "--reason", "x", "--yes", *more)
        assert done.exit_code == 5
        assert "it is building" in done.stderr
        assert "--override" not in done.stderr
    assert all(body["dry_run"] for body in stuck.bodies())
    stuck.answers["POST", API + path] = [
        (200, {"dry_run": plan}, {}),
        (403, {"error": "you may not override", "code": "forbidden"}, {}),
    ]
    done = shell("force", "stuck-stop", "--reason", "x", "--yes")
    assert done.exit_code == 5
    assert "--override" not in done.stderr
    # it has begun to build between the dry run and the force
    stuck.answers["POST", API + path] = [
        (200, {"dry_run": PLAN}, {}),
        (409, {"error": "it is building", "code": "not_eligible"}, {}),
    ]
    done = shell("force", "stuck-stop", "--reason", "x", "--yes", "--override")
    assert done.exit_code == 5
    assert "--override" not in done.stderr


@pytest.mark.parametrize(
    ("status", "code"), [("done", 0), ("failed", 6), ("refused", 5), ("asked", 7)]
)
def test_the_outcome_is_waited_for_and_is_the_exit_status(
    stuck: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    monkeypatch.setattr(acts, "_FIRST", 0)
    asked = {"action": {**ACTION, "status": "asked"}}
    stuck.put("POST", "/workers/4/pause", asked, status=202)
    rows = [{"actions": [{**ACTION, "status": each}]} for each in ("asked", status)]
    stuck.put("GET", "/actions/5", *rows)
    # without an outcome it is the command's own bound that ends it
    done = shell(
        "pause", "stuck-stop", "--reason", "x", "--wait", "0.2" if code == 7 else "60", "--json"
    )
    assert done.exit_code == code, done.output
    assert json.loads(done.stdout)["action"]["status"] == status


def test_an_act_without_an_answer_may_have_been_done_and_is_not_sent_again(
    stuck: Fake, shell: Shell
) -> None:
    stuck.put("POST", "/workers/4/pause", None)
    done = shell("pause", "stuck-stop", "--reason", "x")
    assert done.exit_code == 7
    assert "may have been done" in done.stderr
    assert len(stuck.bodies()) == 1
    stuck.put(
        "POST", "/workers/4/pause", {"error": "nothing was done", "code": "behind"}, status=503
    )
    done = shell("pause", "stuck-stop", "--reason", "x")
    assert done.exit_code == 3
    assert "may have" not in done.stderr


def test_an_orphan_that_is_refused_does_not_keep_the_others(fake: Fake, shell: Shell) -> None:
    orphan = example("orphan")
    closed = {"error": "it was closed before", "code": "already_closed"}
    fake.put("POST", "/orphans/1/resolve", orphan)
    fake.put("POST", "/orphans/2/resolve", closed, status=409)
    fake.put("POST", "/orphans/3/resolve", orphan)
    done = shell("orphans", "resolve", "1", "2", "3", "--note", "gone")
    assert done.exit_code == 5
    assert "orphan 2: it was closed before" in done.stderr
    assert "orphan 3 is closed: process-28292 of stuck-stop" in done.stdout
    assert fake.bodies() == [{"note": "gone"}] * 3
    forbidden = {"error": "you may not", "code": "forbidden"}
    fake.put("POST", "/orphans/1/resolve", forbidden, status=403)
    done = shell("orphans", "resolve", "1", "2", "3", "--note", "x")
    assert done.exit_code == 4
    assert "orphan 1: you may not" in done.stderr
    assert "orphan 2: it was closed before" in done.stderr
    assert "orphan 3 is closed" in done.stdout  # a rule may allow one worker's and not another's
    assert len(fake.bodies()) == 6


@pytest.mark.parametrize(
    ("status", "code", "end"), [(401, "not_logged_in", 4), (503, "not_ready", 3)]
)
def test_what_would_stop_every_orphan_stops_the_rest_and_hides_nothing(
    fake: Fake, shell: Shell, status: int, code: str, end: int
) -> None:
    fake.put("POST", "/orphans/1/resolve", example("orphan"))
    fake.put("POST", "/orphans/2/resolve", {"error": "no", "code": code}, status=status)
    done = shell("orphans", "resolve", "1", "2", "3", "4", "--note", "x", "--json")
    assert done.exit_code == end
    assert "orphan 2: no" in done.stderr
    assert "Not tried: 3, 4" in done.stderr
    assert len(json.loads(done.stdout)["orphans"]) == 1
    assert len(fake.bodies()) == 2


def test_histories_are_read_in_as_many_pages_as_it_takes(fake: Fake, shell: Shell) -> None:
    def page(newest: int, count: int, more: bool) -> Any:
        row = example("orphans")["orphans"][0]
        rows = [{**row, "id": n} for n in range(newest, newest - count, -1)]
        return {"orphans": rows, "meta": {"next": "/x" if more else None, "open": 0}}

    fake.put("GET", "/orphans", page(1500, 1000, True), page(500, 500, True))
    done = shell("orphans", "--limit", "1500", "--json")
    assert [row["id"] for row in json.loads(done.stdout)["orphans"]] == list(range(1500, 0, -1))
    queries = [dict(query) for _, _, query, _, _ in fake.asked]
    assert queries[0] == {"open": "true", "limit": "1000"}
    assert queries[1] == {"open": "true", "before": "501", "limit": "500"}


def test_the_tables_of_what_was_recorded(fake: Fake, shell: Shell) -> None:
    for what, seen in (
        ("episodes", "1 min 24 s"),
        ("orphans", "process-28292"),
        ("instances", "nobodys"),
    ):
        fake.put("GET", f"/{what}", example(what))
        done = shell(what)
        assert done.exit_code == 0, done.output
        assert seen in done.output


def test_what_follows_is_told_once_each_and_an_outage_is_sat_out(
    stuck: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(*numbers: int) -> Any:
        rows = [{"id": n, "kind": f"k{n}", "at": 0.0, "data": {"of": n}} for n in numbers]
        return {"events": rows, "meta": {"next": None}}

    # 6 comes in late: another master has written it
    stuck.put("GET", "/workers/4/events", page(5, 4), page(7, 5, 4), None, page(7, 6, 5, 4))
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("buildbot_lifecycle.shell.records.time.sleep", nap)
    done = shell("events", "stuck-stop", "--follow", "--json", "--every", "3")
    assert done.exit_code == 130, done.output
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [4, 5, 7, 6]
    assert done.stderr.count("asking again") == 1
    assert naps == [3.0] * 4


def test_every_command_has_help_and_a_completion(shell: Shell) -> None:
    from buildbot_lifecycle.shell.main import main  # noqa: PLC0415

    for name in main.commands:
        assert shell(name, "--help").exit_code == 0
    shell.env["_BUILDBOT_LIFECYCLE_COMPLETE"] = "zsh_source"
    done = shell(prog_name="buildbot-lifecycle")
    assert "compdef" in done.output


def test_each_command_has_a_session_in_the_docs() -> None:
    """What stands there is typed and compared by tests/master/test_shell.py."""
    text = "".join(blocks(PAGES["command-line"], "console"))
    for name in (*main.commands, "orphans resolve"):
        assert re.search(rf"^\$ buildbot-lifecycle( --\S+ \S+)* {name}\b", text, re.MULTILINE), name
