"""The text in parts is the text of the library in one go, in both of its forms."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as open_parser
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from buildbot_lifecycle.metrics import exposition
from buildbot_lifecycle.metrics.exposition import Text

OPEN = "application/openmetrics-text; version=1.0.0"


class Ours(Collector):
    """A registry without the times at which series were made, as `Lives` tells of itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


@pytest.fixture
def registry() -> Ours:
    """A family of many samples, an empty one, one with texts that must be escaped."""
    found = CollectorRegistry()
    many = Histogram("many_seconds", "Many", ["class"], registry=found, buckets=(1, 2))
    for number in range(150):
        many.labels(f"C{number}").observe(number)
    Gauge("empty", "Nothing in it", ["class"], registry=found)
    odd = Counter("odd", 'With a "quote" and a \\', ["class"], registry=found)
    odd.labels('a "b" \n c \\ ☃').inc()
    return Ours(found)


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4", OPEN])
def test_the_parts_are_the_whole(registry: Ours, accept: str) -> None:
    encode, content_type = choose_encoder(accept)
    text = Text(accept)
    parts = [*text.parts(registry.collect())]
    assert b"".join(parts) == encode(registry)
    assert text.content_type == content_type
    assert len(parts) > 3


def test_no_part_has_more_lines_than_are_made_at_once(registry: Ours) -> None:
    """So it is bounded how long the reactor waits, by a count and not by the clock."""
    for part in Text("").parts(registry.collect()):
        lines = [line for line in part.splitlines() if not line.startswith(b"#")]
        assert len(lines) <= exposition.AT_ONCE


def test_the_library_reads_what_was_written(registry: Ours) -> None:
    def read(accept: str) -> str:
        return b"".join(Text(accept).parts(registry.collect())).decode()

    def values(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
        return {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}

    plain = values(text_string_to_metric_families(read("")))
    opened = values(open_parser.text_string_to_metric_families(read(OPEN)))
    assert plain["odd_total", 'a "b" \n c \\ ☃'] == 1.0
    assert opened == plain
