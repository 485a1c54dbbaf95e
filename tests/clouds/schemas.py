"""Holds what a stand-in says against a reference: a list of addresses, each with a JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from tests.clouds.stand_in import Asked, Said

Schema = Mapping[str, Any]

#: Method, address, status of an answer -> its body.
Reference = Sequence[tuple[str, str, int, Schema]]


class NotPublished(AssertionError):
    """A stand-in says what the cloud does not."""


def held(reference: Reference, answer: Callable[[Asked], Said]) -> Callable[[Asked], Said]:
    """The same answers, each held against the reference first."""

    def checked(asked: Asked) -> Said:
        said = answer(asked)
        hold(reference, asked, said)
        return said

    return checked


def hold(reference: Reference, asked: Asked, said: Said) -> None:
    """Raise `NotPublished` unless an answer is as the reference says."""
    what = f"{asked.method} {asked.path} {said.status}"
    for method, address, status, schema in reference:
        if (method, status) == (asked.method, said.status) and re.fullmatch(address, asked.path):
            wrong = [
                f"{error.json_path}: {error.message}"
                for error in Draft202012Validator(schema).iter_errors(said.body)
            ]
            if wrong:
                raise NotPublished(f"{what}: {'; '.join(wrong)}")
            return
    raise NotPublished(f"{what} is no answer of the reference")


# words of the schemas

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
YES_OR_NO: Schema = {"type": "boolean"}
NOTHING: Schema = {"type": "null"}
ANY: Schema = {}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
UUID: Schema = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$"}


def words_of(text: str) -> list[str]:
    return text.split()


def one_of(*values: Any) -> Schema:
    return {"enum": list(values)}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, NOTHING]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def texts() -> Schema:
    return {"type": "object", "additionalProperties": TEXT}


def having(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these fields, and no others."""
    fields = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }
