"""A look at each configuration that Buildbot reads, in ``buildbot checkconfig`` too.

A service that is made in master.cfg sees its own arguments only; the workers may come after it. Buildbot
(``buildbot/config/master.py`` of 4.3.0) has a hook of its own, ``c['configurators']``, which has to be
named in master.cfg, and comes before the workers are loaded. `MasterConfig.load_services` is called when
they are, while errors are still collected.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from buildbot import config

from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.names import AbstractLatentWorker

#: Names that are told to who has written a pattern that matches none.
_SOME = 5

try:
    from buildbot.config.master import MasterConfig as _Configuration
except ImportError:  # then patterns are not looked at: nothing else depends on it
    _Configuration = None

_looks: list[Callable[[Any], None]] = []


def when_read(look: Callable[[Any], None]) -> None:
    """Have ``look`` called with each configuration that is read from now on."""
    _looks.append(look)
    load = getattr(_Configuration, "load_services", None)
    if load is not None and not hasattr(load, "__wrapped__"):
        _Configuration.load_services = _and_look(load)


def _and_look(load: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(load)
    def load_services(self: Any, filename: str, config_dict: Any) -> None:
        load(self, filename, config_dict)
        for look in _looks:
            try:
                look(self)
            except Exception as error:
                log_error(error, "lifecycle: could not look at the configuration")

    return load_services


def argument(service: Any, name: str) -> Any:
    """What a service was given by name in master.cfg; None if it was not."""
    return service._config_kwargs.get(name)


def arguments(service: Any) -> Iterator[Any]:
    """The values with which a service was made in master.cfg, and what stands in lists of them."""
    for value in (*service._config_args, *service._config_kwargs.values()):
        yield value
        if isinstance(value, (list, tuple)):
            yield from value


def see_patterns(found: Any, whose: str, patterns: Sequence[str]) -> None:
    """Each pattern must match a latent worker of the configuration ``found``."""
    names = sorted(w.workername for w in found.workers if isinstance(w, AbstractLatentWorker))
    for pattern in patterns:
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            continue
        there = ", ".join(names[:_SOME]) + (", ..." if len(names) > _SOME else "")
        text = (
            f"{whose}: the name pattern {pattern!r} matches no latent worker of this configuration"
            f" ({there or 'there is none'})"
        )
        wrong(found, text)


def wrong(found: Any, text: str) -> None:
    """An error of the configuration ``found``.

    One of several masters may share its code with those that have what is missing: there it is a line of
    the log.
    """
    if found.multiMaster:
        log_lines([text])
    else:
        config.error(text)
