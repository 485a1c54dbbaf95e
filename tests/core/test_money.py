"""What an instance costs and where it is shown: `prices`, `instance_url` and `census_every`."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core import money
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.settings import Settings

NOW = 10_000.0


def test_the_first_price_that_fits_its_kind_or_its_class_counts() -> None:
    prices = (("t3.*", 0.1), ("EC2*", 1.0))
    assert money.cost(prices, "t3.large", "EC2LatentWorker", NOW - 7200, NOW) == 0.2
    assert money.cost(prices, "m5.large", "EC2LatentWorker", NOW - 3600, NOW) == 1.0
    assert money.cost(prices, "image", "DockerLatentWorker", NOW - 3600, NOW) is None
    assert money.cost(prices, "t3.large", None, None, NOW) is None, "its age is not known"
    assert money.cost(prices, "t3.large", None, NOW + 50, NOW) == 0.0, "a clock that is ahead"


def test_an_address_is_made_of_names_that_cannot_change_it() -> None:
    urls = (("db-*", "https://c/{class}/{worker}?i={instance}"), ("*", "http://x/{instance}"))
    assert money.address(urls, "i/1&", "db-1", "EC2") == "https://c/EC2/db-1?i=i%2F1%26"
    assert money.address(urls, "i-1", "web", None) == "http://x/i-1"
    assert money.address(urls, "", "web", None) is None
    assert money.address((), "i-1", "web", None) is None


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("prices", 3, "prices must be a dictionary {pattern: cost of an hour}, not 3"),
        ("prices", {"": 1}, "prices: a pattern must be a non-empty text, not ''"),
        (
            "prices",
            {"t3.*": -1},
            "prices['t3.*'] must be a number, the cost of an hour",
        ),
        ("instance_url", {"*": "ftp://{instance}"}, "instance_url['*'] must be an address that"),
        ("instance_url", {"*": "https://x/{name}"}, "instance_url['*'] must be an address that"),
        ("instance_url", {"*": "https://x/{instance.__class__}"}, "instance_url['*'] must be"),
        ("instance_url", {"*": "https://x/{instance"}, "instance_url['*'] must be an address that"),
        ("instance_url", {"*": "https://x/"}, "instance_url['*'] must be an address that"),
        ("census_every", 5, "census_every must be a number of seconds, 30 or more, or None"),
        ("census_every", True, "census_every must be a number of seconds, 30 or more, or None"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_expected(argument: str, value: Any, said: str) -> None:
    settings, problems = parse({argument: value})
    assert len(problems) == 1
    assert problems[0].startswith(said)
    assert settings == Settings()


def test_what_is_right_is_taken() -> None:
    settings, problems = parse(
        {"prices": {"a": 1}, "instance_url": {"*": "https://x/{instance}"}, "census_every": 60}
    )
    assert problems == []
    assert settings.prices == (("a", 1.0),)
    assert settings.instance_url == (("*", "https://x/{instance}"),)
    assert settings.census_every == 60.0
