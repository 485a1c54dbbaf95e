"""What an instance costs, and where it is shown: the settings ``prices`` and ``instance_url``."""

from __future__ import annotations

import fnmatch
import string
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from buildbot_lifecycle.core.checks import is_number

Prices = Sequence[tuple[str, float]]
Urls = Sequence[tuple[str, str]]

#: What can stand in braces in an address.
FIELDS = ("instance", "worker", "class")


def cost(
    prices: Prices, kind: str | None, class_name: str | None, born: float | None, now: float
) -> float | None:
    """What it has cost so far, by the first pattern that its kind or class matches; None: not known."""
    price = _first(prices, kind, class_name)
    if price is None or born is None:
        return None
    # a cloud's clock may be ahead of ours
    return float(round(max(0.0, now - born) / 3600 * price, 4))


def address(urls: Urls, instance: str, worker: str | None, class_name: str | None) -> str | None:
    """The address of an instance, by the first pattern that its worker or class matches."""
    template = _first(urls, worker, class_name)
    if template is None or not instance:
        return None
    values = {"instance": instance, "worker": worker or "", "class": class_name or ""}
    return str(template).format_map({name: quote(of, safe="") for name, of in values.items()})


def _first(known: Sequence[tuple[str, Any]], *names: str | None) -> Any:
    for pattern, value in known:
        if any(name is not None and fnmatch.fnmatchcase(name, pattern) for name in names):
            return value
    return None


def wrong_price(value: Any) -> str | None:
    """What a price must be; None if it is one."""
    return None if is_number(value, least=0) else "a number, the cost of an hour, 0 or more"


def wrong_url(value: Any) -> str | None:
    """What an address must be; None if it is one."""
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    expected = f"an address that begins with https:// or http:// and has {known} in it"
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return expected
    try:
        parts = [part for part in string.Formatter().parse(value) if part[1] is not None]
    except ValueError:
        return expected
    plain = all(name in FIELDS and not spec and not how for _, name, spec, how in parts)
    return None if plain and any(name == "instance" for _, name, _, _ in parts) else expected


def by_pattern(
    name: str, value: Any, what: str, wrong: Any, problems: list[str]
) -> tuple[tuple[str, Any], ...]:
    """The entries of a dictionary {pattern: value} that are right; the others are problems."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        problems.append(f"{name} must be a dictionary {{pattern: {what}}}, not {value!r}")
        return ()
    parsed = []
    for pattern, given in value.items():
        expected = wrong(given)
        if not isinstance(pattern, str) or not pattern:
            problems.append(f"{name}: a pattern must be a non-empty text, not {pattern!r}")
        elif expected is not None:
            problems.append(f"{name}[{pattern!r}] must be {expected}, not {given!r}")
        else:
            parsed.append((pattern, given))
    return tuple(parsed)
