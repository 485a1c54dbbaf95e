"""What all shapes have in common, and the types of their fields.

A shape is one JSON object of the REST contract as a type: its fields are the object's keys. The
services build it, ``msgspec.json`` encodes it, `openapi` documents it, and `read` checks what comes
from a table. A field that may be missing has the default `UNSET`; every other one is always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "UNSET",
    "Count",
    "Seconds",
    "Shape",
    "Time",
    "UnsetType",
    "members",
    "names",
    "read",
    "words",
]

_S = TypeVar("_S", bound="Shape")

#: Fields whose name is one of Python's words, and what JSON calls them.
_RENAMED = {"class_": "class", "from_": "from"}


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """A JSON object of the REST contract, as a value.

    ``shape["class"]`` is the field that JSON calls so: filters, orders and columns are asked for by
    these names.
    """

    def __getitem__(self, name: str) -> Any:
        """Raise KeyError for a name that JSON does not have."""
        try:
            return getattr(self, names(type(self))[name])
        except AttributeError:  # a table's field would be a fault of ours
            raise KeyError(name) from None


@cache
def names(shape: type[Shape]) -> Mapping[str, str]:
    """The fields of a shape by their names in JSON."""
    return dict(zip(shape.__struct_encode_fields__, shape.__struct_fields__))


def read(shape: type[_S], values: Mapping[str, Any]) -> _S:
    """The shape that `values` has; what it does not know is left out.

    Raises `msgspec.ValidationError` where a field is missing or is of another type.
    """
    return msgspec.convert(values, shape)


@cache
def members(shape: type[Shape]) -> Mapping[str, Any]:
    """The JSON schema of each field of a shape."""
    _, components = msgspec.json.schema_components([shape])
    found: Mapping[str, Any] = components[shape.__name__]["properties"]
    return found


def words(*known: str) -> Meta:
    """Of a text: one of these words; later versions may have more."""
    return Meta(extra_json_schema={"x-extensible-enum": list(known)})


Time = Annotated[float, Meta(description="epoch seconds")]
Seconds = Annotated[float, Meta(description="seconds")]
Count = Annotated[int, Meta(ge=0)]
