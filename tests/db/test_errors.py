"""What is kept of a database's error."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.db.errors import in_short


def test_of_an_error_neither_the_statement_nor_its_values_are_kept() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as conn, pytest.raises(sa.exc.DBAPIError) as caught:
        conn.execute(sa.text("insert into nowhere values (:said)"), {"said": "SECRET"})
    assert "SECRET" in str(caught.value)
    assert in_short(caught.value) == "OperationalError: no such table: nowhere"
    with engine.connect() as conn, pytest.raises(sa.exc.StatementError) as caught_too:
        conn.execute(sa.text("select :said"), {"other": "SECRET"})
    assert "SECRET" not in in_short(caught_too.value)


def test_any_other_error_says_what_it_says_and_is_cut() -> None:
    assert in_short(RuntimeError("x")) == "RuntimeError: x"
    assert len(in_short(RuntimeError("x" * 5000))) == MAX_LINE
