"""What the page costs who opens it: its script stays below 50 kB on its way."""

from __future__ import annotations

import gzip

from tests.harness.master import ROOT

STATIC = ROOT / "buildbot_lifecycle" / "static"

#: Bytes, packed as a web server packs them.
MOST = 50_000


def test_the_built_page_is_smaller_than_50_kb() -> None:
    packed = gzip.compress((STATIC / "scripts.js").read_bytes(), 9, mtime=0)
    assert len(packed) < MOST, len(packed)
