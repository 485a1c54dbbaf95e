"""What an exception of a cloud's client means, for all libraries in one place, importing none of them.

Libraries wrap: requests wraps urllib3, which wraps the socket's error, and docker-py wraps all of it. So
the whole chain is looked at, and the clearest word in it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from buildbot_lifecycle.clouds.values import CannotTell, NotKnown, Why
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.hiding import hider, visible

_LONGEST = 400
_USERINFO = re.compile(r"(?<=//)[^/@\s]+@")
_REFUSED = (401, 403)
_LEAST_STATUS, _MOST_STATUS = 300, 599

#: Names of classes, anywhere in the bases of an exception of the chain. The first line that fits counts.
_BY_CLASS: tuple[tuple[frozenset[str], Why], ...] = (
    (frozenset({"ImportError"}), Why.NO_LIBRARY),
    # urllib3 derives the first from its time-out
    (frozenset({"NewConnectionError", "ConnectionRefusedError", "gaierror"}), Why.UNREACHABLE),
    (
        frozenset({"TimeoutError", "timeout", "Timeout", "TimeoutExpired", "ConnectTimeout"})
        | {"ReadTimeoutError", "ConnectTimeoutError"},
        Why.TIMEOUT,
    ),
    (frozenset({"NoCredentialsError", "PartialCredentialsError"}), Why.REFUSED),
    (frozenset({"JSONDecodeError", "UnicodeDecodeError", "ResponseParserError"}), Why.NONSENSE),
    (frozenset({"OSError", "ConnectionError", "ConnectFailure", "HTTPException"}), Why.UNREACHABLE),
    # an answer of another form than the library or we expected
    (frozenset({"KeyError", "TypeError", "AttributeError", "IndexError"}), Why.NONSENSE),
)


def told(error: BaseException, secrets: Sequence[str] = ()) -> NotKnown:
    """What an exception says, without the secrets, and without what stands before @ in an address."""
    if isinstance(error, CannotTell):
        return NotKnown(error.said.why, _text(error.said.text, secrets))
    chain = list(_chain(error))
    words = str(error).strip() or type(error).__name__
    return NotKnown(_why(chain), _text(f"{type(error).__name__}: {words}", secrets))


def clean(text: str, secrets: Sequence[str]) -> str:
    """What a cloud has said, fit to be shown: no secrets, no control characters."""
    return visible(hider(secrets)(_USERINFO.sub("", text)))


def status_of(error: Any) -> int | None:
    """The HTTP status that an exception carries, in the manner of any of the libraries."""
    response = getattr(error, "response", None)
    found = [
        getattr(response, "status_code", None),
        getattr(error, "http_status", None),
        getattr(error, "code", None),
    ]
    if isinstance(response, dict):  # botocore
        found.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    for each in found:
        if type(each) is int and _LEAST_STATUS <= each <= _MOST_STATUS:
            return each
    return None


def _why(chain: Sequence[BaseException]) -> Why:
    for each in chain:
        status = status_of(each)
        if status is not None:
            return Why.REFUSED if status in _REFUSED else Why.FAILED
    names = {cls.__name__ for each in chain for cls in type(each).__mro__}
    for known, why in _BY_CLASS:
        if not names.isdisjoint(known):
            return why
    return Why.FAILED


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = error.args[0] if error.args else None
        error = error.__cause__ or error.__context__
        if error is None and isinstance(inner, BaseException):
            error = inner


def _text(text: str, secrets: Sequence[str]) -> str:
    return cut(" ".join(clean(text, secrets).split()), _LONGEST) or ""
