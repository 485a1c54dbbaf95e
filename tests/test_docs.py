"""Documentation and code say the same: what is missing on either side fails here."""

from __future__ import annotations

import ast
import enum
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from buildbot_lifecycle.core import arguments, settings
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import TRANSITIONS, State
from buildbot_lifecycle.core.verdicts import verdict as verdicts
from buildbot_lifecycle.shapes.base import names
from buildbot_lifecycle.shapes.masters import Health
from buildbot_lifecycle.www import entities, routes
from buildbot_lifecycle.www.statuses import NO_SUCH, STATUSES, status_of
from tests.harness.master import API, ROOT, RealMaster
from tests.harness.waiting import patient

DOCS = ROOT / "docs"
PACKAGE = ROOT / "buildbot_lifecycle"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = {"README.md": README, **{f"docs/{name}.md": text for name, text in PAGES.items()}}
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}

FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def of_the_docs(name: str) -> Any:
    """A module that makes a part of the pages from the code."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in this language."""
    return [body for found, body in FENCE.findall(text) if found == language]


def prose(text: str) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands below a heading, down to the next of its rank or higher."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, heading
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def named(word: str, text: str) -> bool:
    """Whether a page has this name as code: `word`, also with something behind it."""
    return re.search(rf"`[^`\n]*(?<![\w]){re.escape(word)}(?![\w])[^`\n]*`", text) is not None


def rows(text: str) -> Iterator[list[str]]:
    """The rows of the tables in a text, heads left out."""
    table: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip()[1:-1].split("|")])
        else:
            yield from table[2:]
            table = []


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Configuration.


def test_every_argument_is_documented_with_its_default_and_no_other() -> None:
    table = {cells[0].strip("`"): cells[1] for cells in rows(PAGES["configuration"])}
    documented = [
        cells[0].strip("`") for cells in rows(section(PAGES["configuration"], "Arguments"))
    ]
    parsers = arguments._PARSERS
    assert [name for name in parsers if name not in documented] == []
    headings = re.findall(r"^### (\w+)$", section(PAGES["configuration"], "Arguments"), re.M)
    assert sorted(headings) == sorted(parsers)
    defaults = settings.Settings()
    for name in parsers:
        default = getattr(defaults, name)
        if default is None or isinstance(default, (bool, float)):
            shown = str(int(default)) if isinstance(default, float) else str(default)
            assert table[name] == f"`{shown}`", name


def test_every_limit_is_documented_with_its_default() -> None:
    text = section(PAGES["configuration"], "stuck_after")
    table = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(text)}
    expected = {
        (key.value if isinstance(key, enum.Enum) else key): "None" if s is None else f"{s:g}"
        for key, s in verdicts.DEFAULT_STUCK_AFTER.items()
    }
    assert table == expected


def test_every_argument_of_a_single_worker_is_named() -> None:
    text = section(PAGES["configuration"], "workers")
    assert [name for name in arguments.PER_WORKER if not named(name, text)] == []


def given_value(node: ast.expr) -> Any:
    """A value of an example; a secret is whatever Buildbot's provider has for it."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "util.Secret":
        return "what-the-provider-has-for-it"
    return ast.literal_eval(node)


@pytest.mark.parametrize("text", blocks(PAGES["configuration"], "python"))
def test_an_example_of_the_configuration_has_arguments_that_are_accepted(text: str) -> None:
    tree = ast.parse(text)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "util.LifecycleService":
            given = {k.arg or "": given_value(k.value) for k in call.keywords}
            assert arguments.parse(given)[1] == []


# REST.


def served() -> set[str]:
    """Every path that is served: "GET /workers/ID"."""
    found = set()
    for route in routes.ROUTES:
        paths = [route.path.removeprefix("/v1")]
        choice = re.search(r"<any\(([^)]*)\):\w+>", route.path)
        if choice:
            paths = [paths[0].replace(choice[0], one) for one in choice[1].split(", ")]
        found.update(f"{route.method} {re.sub('<[^>]*>', 'ID', path)}" for path in paths)
    return found


def test_every_path_that_is_served_is_documented_and_no_other() -> None:
    documented = {
        code
        for cells in rows(section(PAGES["rest"], "Paths"))
        for code in code_in(cells[0])
        if re.match("(GET|POST|PUT|DELETE) ", code)
    }
    assert documented == served()


@pytest.mark.parametrize("name", TEXTS)
def test_an_address_in_an_example_is_served(name: str) -> None:
    """Of Buildbot's own addresses, the ones that are used are known here."""
    patterns = [re.sub("ID", "[^/]+", path.partition(" ")[2]) for path in served()]
    for url in re.findall(r"\$BUILDBOT/([^\"'\s]+)", TEXTS[name]):
        path = urlsplit(url).path
        if path in ("auth/login", "api/v2/workers/4"):
            continue
        assert path.startswith(API), url
        assert any(re.fullmatch(p, path.removeprefix(API)) for p in patterns), url


@pytest.mark.parametrize("name", TEXTS)
def test_the_method_and_the_body_of_an_example_are_what_is_served(name: str) -> None:
    for command in re.findall(r"curl (?:[^\n]*\\\n)*[^\n]*", TEXTS[name]):
        url = re.search(r"\$BUILDBOT/plugins/lifecycle/api/v1([^\"'?\s]+)", command)
        if url is None:
            continue
        method = "POST" if "-X POST" in command else "GET"
        found = re.sub(r"^(/\w+)/[^/]+", r"\1/ID", url[1])
        assert f"{method} {found}" in served(), command
        body = re.search(r"-d '([^']*)'", command)
        assert (body is not None) == (method == "POST"), command
        if body:
            assert isinstance(json.loads(body[1]), dict)


#: Section of docs/rest -> the entity that it documents.
ENTITIES: dict[str, Any] = {
    "Worker": entities.WORKER,
    "Transition": entities.HISTORY["transitions"],
    "Episode": entities.HISTORY["episodes"],
    "Event": entities.HISTORY["events"],
    "Action": entities.HISTORY["actions"],
    "Orphan": entities.HISTORY["orphans"],
}

_FILTERS = {
    entities.Whole: "number",
    entities.Number: "time",
    entities.Text: "text",
    entities.Word: "word",
    entities.Truth: "truth",
}

#: In the answer without being asked for by name: entities do not list it.
_EXTRA: dict[str, set[str]] = {}


@pytest.mark.parametrize("heading", ENTITIES)
def test_every_field_is_documented_with_how_it_can_be_asked_for(heading: str) -> None:
    fields = {
        name: of
        for name, of in ENTITIES[heading].fields.items()
        if not isinstance(of, entities.FilterOnly)
    }
    documented: dict[str, str] = {}
    for cells in rows(section(PAGES["rest"], heading)):
        for name in code_in(cells[0]):
            documented.setdefault(name, cells[1])
    extra = _EXTRA.get(heading, set())
    assert [name for name in (*fields, *extra) if name not in documented] == []
    for name, of in fields.items():
        wanted = next((word for kind, word in _FILTERS.items() if isinstance(of, kind)), "")
        said = documented[name]
        assert wanted in said if wanted else said in ("", "by `level`"), (name, said)


def test_filters_that_are_no_fields_are_documented() -> None:
    text = section(PAGES["rest"], "Asking")
    for entity in ENTITIES.values():
        for name, of in entity.fields.items():
            assert not isinstance(of, entities.FilterOnly) or named(name, text), name


def test_every_example_of_an_answer_has_all_fields_and_no_other() -> None:
    """JSON in the pages is what a master answers, not what somebody remembered of it."""
    entity_of = {"workers": entities.WORKER, **entities.HISTORY}
    seen = set()
    for name in ("rest", "releasing"):
        for text in blocks(PAGES[name], "json"):
            for plural, rows_ in json.loads(text).items():
                entity = entity_of.get(plural) or entity_of.get(f"{plural}s")
                if entity is None or isinstance(rows_, int):
                    continue
                fields = {
                    f for f, of in entity.fields.items() if not isinstance(of, entities.FilterOnly)
                }
                fields |= _EXTRA.get(plural.rstrip("s").capitalize(), set())
                for row in rows_ if isinstance(rows_, list) else [rows_]:
                    assert set(row) == fields, (name, plural)
                seen.add(plural)
    assert seen >= {"workers", "transitions", "episodes", "action", "orphans", "orphan"}


def test_health_is_documented_field_by_field() -> None:
    fields = set(names(Health))
    text = section(PAGES["rest"], "Health")
    (example,) = blocks(text, "json")
    assert set(json.loads(example)["health"]) == fields
    assert {name for cells in rows(text) for name in code_in(cells[0])} == fields


def test_every_field_of_a_request_is_documented_and_no_other() -> None:
    from buildbot_lifecycle.www.wire import _FORCE_FIELDS  # noqa: PLC0415

    table = list(rows(section(PAGES["rest"], "Force disconnect")))
    documented = [code_in(cells[0])[0] for cells in table if re.fullmatch(r"`\w+`", cells[0])]
    assert documented[: len(_FORCE_FIELDS)] == list(_FORCE_FIELDS)


def strings_of_calls(name: str, position: int) -> set[str]:
    """The literal texts that stand at `position` in calls of `name`, anywhere in the package."""
    found = set()
    for source in SOURCES.values():
        for call in ast.walk(ast.parse(source)):
            if not isinstance(call, ast.Call) or len(call.args) <= position:
                continue
            if ast.unparse(call.func).rpartition(".")[2] == name:
                argument = call.args[position]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
    return found


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    table = {
        code: int(cells[0])
        for cells in rows(section(PAGES["rest"], "Errors"))
        for code in code_in(cells[1])
    }
    # what is raised is held against the same table in tests/www/test_statuses.py
    things = ("worker", "episode", "action", "orphan", "instance")
    made = {f"{NO_SUCH}{thing}": status_of(f"{NO_SUCH}{thing}") for thing in things}
    assert table == {**STATUSES, **made}


def test_every_refusal_of_a_force_is_explained_to_the_operator() -> None:
    text = section(PAGES["releasing"], "When it is refused")
    codes = ("not_logged_in", "forbidden", "no_such_worker", "wrong_confirmation", "not_eligible")
    more = (
        "nothing_to_release",
        "other_master",
        "expired",
        "episode_changed",
        "behind",
        "not_ready",
    )
    assert [code for code in codes + more if not named(code, text)] == []


# Words.


def test_every_kind_of_event_is_documented_and_no_other() -> None:
    documented = set()
    for cells in rows(section(PAGES["rest"], "Event")):
        documented |= set(code_in(cells[0]))
    fields = set(entities.HISTORY["events"].fields)
    assert documented - fields == {kind.value for kind in Kind}


def test_the_table_of_events_is_what_their_classes_say() -> None:
    """Written by ``python docs/_ext/event_table.py``."""
    event_table = of_the_docs("event_table")
    assert event_table.with_table(PAGES["rest"]) == PAGES["rest"]
    assert event_table.table() in PAGES["rest"]


def test_every_state_is_explained() -> None:
    explained = [
        code_in(cells[0])[0] for cells in rows(section(PAGES["reading-the-page"], "States"))
    ]
    assert sorted(explained) == sorted(state.value for state in State)


def test_every_level_and_code_of_a_verdict_is_explained_and_no_other() -> None:
    text = section(PAGES["reading-the-page"], "Verdicts")
    explained = {code_in(c[0])[0] for c in rows(text) if code_in(c[0])}
    assert explained == codes_of_verdicts()
    assert {c[0].strip("*") for c in rows(text) if c[0].startswith("*")} == set(verdicts.LEVELS)


def codes_of_verdicts() -> set[str]:
    """The codes that `core.verdicts` can give: what it passes as a code, and what it names so."""
    rules = [s for path, s in SOURCES.items() if path.parent == PACKAGE / "core" / "verdicts"]
    found = strings_of_calls("Verdict", 1) | strings_of_calls("graded", 0)
    found |= strings_of_calls("Wait", 0)
    for node in (node for source in rules for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Assign):
            names = ast.unparse(node.targets[0])
            if names == "_CALL_CODES":
                found |= set(ast.literal_eval(node.value).values())
            elif names.startswith(("code", "(code")):
                found |= set(_first_texts(node.value))
    # only for a call that the probe does not know of
    return found - {"call_pending"}


def _first_texts(value: ast.expr) -> Iterator[str]:
    first = value.elts[0] if isinstance(value, ast.Tuple) else value
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value


def test_every_step_of_a_release_is_explained_and_no_other() -> None:
    explained = {code_in(c[0])[0] for c in rows(section(PAGES["releasing"], "The steps"))}
    assert explained == strings_of_calls("Step", 0)


def test_every_outcome_of_an_episode_is_explained() -> None:
    table = rows(section(PAGES["rest"], "Episode"))
    explained = {name for cells in table for name in code_in(cells[0])}
    assert set(entities.HISTORY["episodes"].fields["outcome"].words) <= explained


def test_every_table_of_the_database_is_named() -> None:
    from buildbot_lifecycle.db.schema import metadata  # noqa: PLC0415

    written = section(PAGES["operations"], "What is written where")
    dropped = section(PAGES["operations"], "Removing the plugin")
    for table in metadata.tables:
        assert named(table, written), table
        assert f"DROP TABLE {table};" in dropped, table


def texts_of_the_code() -> Iterator[str]:
    """All literal texts, also those with values in them (a gap stands for each)."""
    for source in SOURCES.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                parts = (str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
                yield "".join(parts)


def test_the_log_lines_that_are_explained_are_those_that_are_written() -> None:
    texts = list(texts_of_the_code())
    for cells in rows(section(PAGES["operations"], "Troubleshooting")):
        for line in code_in(cells[0]):
            for part in re.split(r"\.\.\.|NAME|: ", line):
                assert any(part.strip(" :,") in text for text in texts), line


def test_the_diagram_has_every_state_and_every_transition() -> None:
    state_machine = of_the_docs("state_machine")
    drawn = state_machine.svg()
    assert drawn.count("<path d=") - 1 == len(TRANSITIONS)
    assert set(state_machine.PLACES) == set(State) - {State.UNKNOWN}


# Links and pictures.


#: All that is read in a repository's own view.
READ = {
    **TEXTS,
    **{
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in ("CHANGELOG.md", "frontend/README.md", "tests/harness/README.md")
    },
}


@pytest.mark.parametrize("name", READ)
def test_links_and_pictures_are_written_so_that_not_only_sphinx_understands_them(name: str) -> None:
    text = re.sub(r"`[^`\n]*`", "code", prose(READ[name]))
    assert re.findall(r"\[\s*\]\([^)]*\)", text) == [], "a link or a picture without a text"
    assert re.findall(r"\]\([^)]*\)\{[^}]*\}", text) == [], "attributes, shown as they are"
    assert re.findall(r"\{[a-z]+\}`", prose(READ[name])) == [], "a role, shown as it is"


@pytest.mark.parametrize("name", READ)
def test_a_link_inside_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in LINK.findall(prose(READ[name])):
        if re.match("[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = folder / path if path else ROOT / name
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), target


def anchors(text: str) -> set[str]:
    """The anchors of headings, as MyST and GitHub make them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown = {
        Path(target).name
        for text in TEXTS.values()
        for target in LINK.findall(text)
        if target.endswith((".png", ".webp"))
    }
    there = [*(DOCS / "screenshots").glob("*.png"), *(DOCS / "gallery").glob("*.webp")]
    assert shown == {path.name for path in there}


@pytest.mark.parametrize("name", TEXTS)
def test_a_page_names_no_directory_of_a_developer(name: str) -> None:
    assert re.search(r"/(work|home|root|tmp|opt/venv)/", TEXTS[name]) is None


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = re.findall(r"^[\w-]+$", PAGES["index"], re.MULTILINE)
    included = {
        name for text in PAGES.values() for name in re.findall(r"\{include\} (\S+)\.md", text)
    }
    assert sorted(listed) == sorted(set(PAGES) - {"index"} - included)


# The first screen.


@pytest.mark.master
def test_the_lines_of_the_readme_pass_checkconfig_on_a_new_master(tmp_path: Path) -> None:
    """Appended to the sample that `buildbot create-master` writes, as a new user has it."""
    (lines,) = blocks(README, "python")
    assert len([line for line in lines.splitlines() if line and line[0] not in "#"]) <= 6
    master = RealMaster(tmp_path / "master")
    try:
        master.create()
        sample = (master.basedir / "master.cfg.sample").read_text(encoding="utf-8")
        config = master.basedir / "master.cfg"
        config.write_text(f"{sample}\n{lines}", encoding="utf-8")
        done = subprocess.run(
            [str(master.python.parent / "buildbot"), "checkconfig", str(config)],
            env=master.env,
            cwd=master.basedir,
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
        )
    finally:
        master.teardown()
    assert "Config file is good" in done.stdout, done.stdout + done.stderr


def test_the_readme_has_a_picture_and_the_commands_on_its_first_screen() -> None:
    first = "\n".join(README.splitlines()[:60])
    for wanted in ("overview.png", "pip install ./buildbot-lifecycle", "make demo", "make test"):
        assert wanted in first
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert {"demo", "test", "screenshots", "gallery"} <= set(targets)
