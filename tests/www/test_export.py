"""CSV: what stands in a cell, and that the whole table comes."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.www import export
from buildbot_lifecycle.www.entities import HISTORY, FilterOnly
from tests.www.served import Served, Server


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        ("reason", "plain", "plain"),
        ("reason", 'with "quotes", commas\r\nand lines', 'with "quotes", commas\r\nand lines'),
        (
            "reason",
            '=HYPERLINK("http://evil.example","x")',
            '\'=HYPERLINK("http://evil.example","x")',
        ),
        ("reason", "+1", "'+1"),
        ("reason", "-1", "'-1"),
        ("reason", "@SUM(A1)", "'@SUM(A1)"),
        ("reason", "\t=1", "'\t'=1"),
        ("reason", "\r=1", "'\r'=1"),
        ("reason", "looked;=cmd|' /C calc'!A0", "looked;'=cmd|' /C calc'!A0"),
        ("reason", "looked\t=1", "looked\t'=1"),
        ("reason", "looked\r=1", "looked\r'=1"),
        ("reason", "looked\n@A1", "looked\n'@A1"),
        ("reason", ";+1;-1", ";'+1;'-1"),
        ("reason", 'looked;"=1"', 'looked;\'"=1"'),
        ("reason", '"=1"', '\'"=1"'),
        ("reason", "looked; \t =1", "looked;' \t' =1"),
        ("reason", "\uff1d1", "'\uff1d1"),
        ("reason", "a=b, c-d; e", "a=b, c-d; e"),
        ("reason", "\ud83d", "\\ud83d"),
        ("steps", [{"text": ";=1"}], '[{"text":";\'=1"}]'),
        ("reason", "☃", "☃"),
        ("id", -1, "-1"),
        ("at", 1_700_000_000.125, "2023-11-14T22:13:20.125Z"),
        ("closed_at", None, ""),
        ("at", 1e30, "1e+30"),
        ("what", "force-disconnect", "force-disconnect"),
        ("pause", True, "true"),
        ("steps", [{"done": None}], '[{"done":null}]'),
    ],
)
def test_a_cell(name: str, value: Any, cell: str) -> None:
    assert read(export.lines([name], [{name: value}])) == [[cell]]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_text_comes_back_and_none_is_a_formula(text: str) -> None:
    data = export.lines(["reason"], [{"reason": text}])
    ((cell,),) = read(data)
    assert cell.replace("'", "") == text.replace("'", "")
    # As spreadsheets read it where the comma is the decimal sign, or with tabs.
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter):
            for part in row:
                assert not part.lstrip(" \t").startswith(("=", "+", "-", "@", "\r")), (data, row)


def test_lines_end_as_rfc_4180_says() -> None:
    assert export.header(["a", "b"]) == b"a,b\r\n"
    assert export.lines(["a", "b"], [{"a": "x", "b": 'y"'}]) == b'x,"y"""\r\n'


@pytest.mark.parametrize("what", ["actions", "orphans"])
def test_a_table_has_the_columns_of_the_json(server: Server, what: str) -> None:
    reply = server.client.get(f"/{what}.csv")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{what}.csv"'
    fields = [n for n, of in HISTORY[what].fields.items() if not isinstance(of, FilterOnly)]
    assert read(reply.body)[0] == fields
    asked = server.client.get(f"/{what}.csv?field=worker&field=id")
    assert read(asked.body)[0] == ["worker", "id"]


def test_a_table_has_all_rows_and_takes_the_same_filters(double: Served) -> None:
    rows = read(double.client.get("/actions.csv?field=id&field=status&status=done").body)
    assert [row[0] for row in rows] == ["id", *(str(n) for n in range(100, 0, -1))]


def test_a_table_that_was_cut_says_where_it_goes_on(double: Served) -> None:
    reply = double.client.get("/actions.csv?field=id&limit=3")
    assert [row[0] for row in read(reply.body)] == ["id", "100", "99", "98"]
    assert reply.headers["Link"].startswith("</buildbot/plugins/lifecycle/api/v1/actions.csv?")
    assert 'before=98>; rel="next"' in reply.headers["Link"]
    path = reply.headers["Link"].partition(">")[0].partition("/v1")[2]
    assert read(double.client.get(path).body)[1] == ["97"]
    assert "Link" not in double.client.get("/actions.csv?before=4&limit=3").headers


@pytest.mark.parametrize("query", ["limit=0", "limit=100001", "surprise=1", "order=id", "at=x"])
def test_a_wrong_parameter_is_an_error_in_json(server: Server, query: str) -> None:
    reply = server.client.get(f"/actions.csv?{query}")
    assert (reply.status, reply.code) == (400, "bad_query")
