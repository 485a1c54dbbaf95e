"""The text for Prometheus, made in parts that are short in the reactor's thread.

The library makes it in one go, some microseconds for each line; of many classes that is too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

#: Samples that are made to text at once: two milliseconds of work or less.
AT_ONCE = 200

_END = b"# EOF\n"


class _Given(Collector):
    """One family, or a part of it, where the library wants a registry."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]


class Text:
    """The text in the form that a client accepts: Prometheus's own, or OpenMetrics.

    ``accept`` is the header's value; whoever says nothing gets Prometheus's own.
    """

    def __init__(self, accept: str) -> None:
        self._encode, self.content_type = choose_encoder(accept)
        self._is_open = self.content_type.startswith("application/openmetrics-text")

    def parts(self, families: Iterable[Metric]) -> Iterator[bytes]:
        """The text of the families, in parts that follow each other."""
        for family in families:
            samples = list(family.samples)
            for begin in range(0, max(1, len(samples)), AT_ONCE):
                family.samples = samples[begin : begin + AT_ONCE]
                text: bytes = self._encode(_Given(family))
                text = text.removesuffix(_END)
                # name, type and unit of a family stand before its first sample only
                yield text if begin == 0 else _without_head(text)
        if self._is_open:
            yield _END


def _without_head(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"#"))
