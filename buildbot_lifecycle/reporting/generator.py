"""``reporters.LatentWorkerGenerator``: what master.cfg gives to one of Buildbot's reporters.

Buildbot asks a generator for one report for each event (`buildbot/reporters/base.py` of 4.3.0). Ours
answers None, and sends by the same reporter when what was gathered is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from buildbot import config, interfaces, util
from buildbot.reporters.http import HttpStatusPush
from twisted.internet import defer
from zope.interface import implementer

from buildbot_lifecycle.core import arguments as core_arguments
from buildbot_lifecycle.core.checks import is_number
from buildbot_lifecycle.host import configurations
from buildbot_lifecycle.reporting.look import Desk, meant
from buildbot_lifecycle.reporting.message import LatentWorkerFormatter
from buildbot_lifecycle.reporting.teller import Teller
from buildbot_lifecycle.reporting.told import SUBJECTS, Rules
from buildbot_lifecycle.service.service import LifecycleService, find_service

#: Levels of a verdict that can be told.
LEVELS = ("stuck", "attention", "failed", "unknown", "slow")

#: Buildbot's reporters that read a build out of each message, and can tell nothing else.
BUILDS_ONLY = (
    "BitbucketServerCoreAPIStatusPush",
    "BitbucketServerPRCommentPush",
    "BitbucketServerStatusPush",
    "BitbucketStatusPush",
    "GerritStatusPush",
    "GerritVerifyStatusPush",
    "GitHubCommentPush",
    "GitHubStatusPush",
    "GitLabStatusPush",
)

#: What is always listened to, and what only has the first look begin after a start.
_KEYS = tuple(("lifecycle", None, what) for what in ("verdict", "action", "orphan"))
_FIRST_KEYS = (*_KEYS, *(("lifecycle", None, what) for what in ("event", "transition", "census")))

_KNOWN = (
    "workers",
    "levels",
    "tell",
    "gather",
    "repeat_hours",
    "orphan_hours",
    "behind_after",
    "message_formatter",
)


@implementer(interfaces.IReportGenerator)
class LatentWorkerGenerator(util.ComparableMixin):
    """Tells of latent workers that are stuck, released and well again, and of what may still run.

    The arguments are described in docs/notifications; a wrong one is a configuration error.
    """

    compare_attrs: ClassVar[Sequence[str]] = ("workers", "levels", "rules", "formatter")

    def __init__(
        self,
        workers: Any = None,
        levels: Any = ("stuck",),
        tell: Any = SUBJECTS,
        gather: Any = 60,
        repeat_hours: Any = 24,
        orphan_hours: Any = 24,
        behind_after: Any = 60,
        message_formatter: Any = None,
        **unknown: Any,
    ) -> None:
        self.problems: list[str] = [
            f"unknown argument {name!r}; known are {', '.join(_KNOWN)}" for name in unknown
        ]
        self.workers = self._patterns(workers)
        self.levels = self._some_of("levels", levels, LEVELS)
        self.rules = Rules(
            tell=frozenset(self._some_of("tell", tell, SUBJECTS)),
            gather=self._seconds("gather", gather, most=3600),
            repeat=self._hours("repeat_hours", repeat_hours),
            orphan_after=self._hours("orphan_hours", orphan_hours),
            behind_after=self._seconds("behind_after", behind_after, most=86400),
        )
        self.formatter = self._formatter(message_formatter)
        self.wanted_event_keys = [*_FIRST_KEYS]
        self._tellers: list[Teller] = []

    # What stands in master.cfg.

    def _patterns(self, given: Any) -> tuple[str, ...]:
        if isinstance(given, (list, tuple, set, frozenset)) and not given:
            self.problems.append("workers names no worker; leave it out for all")
            return ()
        # looked at as those of the service are
        settings, problems = core_arguments.parse({"metrics_workers": given})
        self.problems += [text.replace("metrics_workers", "workers", 1) for text in problems]
        return () if problems else tuple(settings.metrics_workers)

    def _some_of(self, name: str, given: Any, known: Sequence[str]) -> tuple[str, ...]:
        values = [given] if isinstance(given, str) else given
        if not isinstance(values, (list, tuple, set, frozenset)) or not values:
            self.problems.append(f"{name} must be one or more of {', '.join(known)}, not {given!r}")
            return ()
        for value in values:
            if value not in known:
                self.problems.append(f"{name}: {value!r} is none of {', '.join(known)}")
        return tuple(value for value in known if value in values)

    def _seconds(self, name: str, given: Any, most: int) -> float:
        if is_number(given, least=0, most=most):
            return float(given)
        self.problems.append(f"{name} must be seconds, from 0 to {most}, not {given!r}")
        return 0.0

    def _hours(self, name: str, given: Any) -> float | None:
        if given is None or is_number(given, above=0):
            return None if given is None else float(given) * 3600
        self.problems.append(f"{name} must be hours, more than 0, or None for never, not {given!r}")
        return None

    def _formatter(self, given: Any) -> LatentWorkerFormatter:
        if given is None or isinstance(given, LatentWorkerFormatter):
            return given or LatentWorkerFormatter()
        self.problems.append(
            "message_formatter must be a reporters.LatentWorkerFormatter(...),"
            f" not a {type(given).__name__}"
        )
        return LatentWorkerFormatter()

    def check(self) -> None:
        """As Buildbot asks each generator when the configuration is read."""
        for problem in self.problems:
            config.error(f"LatentWorkerGenerator: {problem}")

    def generate_name(self) -> str:
        """A part of the reporter's name, if it was given none; and by which it finds what it has told."""
        parts = [type(self).__name__, *self.workers]
        if self.levels != ("stuck",):
            parts += self.levels
        if self.rules.tell != frozenset(SUBJECTS):
            parts += sorted(self.rules.tell)
        return "_".join(parts)

    # What Buildbot's reporter asks.

    def generate(
        self, master: Any, reporter: Any, key: Sequence[str], message: Mapping[str, Any]
    ) -> defer.Deferred[None]:
        """Never a report at once: what was heard is looked at, and sent when it is due."""
        self.wanted_event_keys = [*_KEYS]
        level = message.get("level") if key[2] == "verdict" else None
        if message.get("masterid") in (None, master.masterid):
            self._teller(master, reporter).heard(message.get("workerid", 0), level)
        return defer.succeed(None)

    def begin(self, master: Any, reporter: Any) -> None:
        """Look at what there is."""
        self._teller(master, reporter).heard(0, None)

    def _teller(self, master: Any, reporter: Any) -> Teller:
        for teller in self._tellers:
            if teller.reporter is reporter:
                return teller
        is_told = meant(self.workers)
        receiver = str(reporter.name)

        def desk() -> Desk | None:
            service = find_service(master)
            return None if service is None else Desk(master, service.answers, is_told)

        async def report(said: Any, at: float) -> dict[str, Any]:
            return _report(await self.formatter.format(master, said, at))

        teller = Teller(
            master,
            reporter,
            self.generate_name(),
            self.rules,
            self.levels,
            desk=desk,
            report=report,
            is_meant=lambda: bool(reporter.running) and self._is_of(reporter),
            counted=lambda is_delivered: _count(master, receiver, is_delivered),
            succeeded=lambda: _begin(master, reporter),
        )
        self._tellers.append(teller)
        return teller

    def _is_of(self, reporter: Any) -> bool:
        """Whether a reconfiguration has not put another one into its place."""
        return any(each is self for each in reporter.generators or ())


def _see(found: Any) -> None:
    """What each generator in the reporters of a configuration needs."""
    is_any = False
    for service in (found.services or {}).values():
        for each in configurations.arguments(service):
            if isinstance(each, LatentWorkerGenerator):
                is_any = True
                configurations.see_patterns(found, "LatentWorkerGenerator: workers", each.workers)
                _see_reporter(service, each)
    if is_any:
        see_service(found, "LatentWorkerGenerator")


def see_service(found: Any, whose: str) -> None:
    """Without our service in the configuration ``found`` there is nothing to tell."""
    if not any(isinstance(each, LifecycleService) for each in (found.services or {}).values()):
        text = "c['services'] has no util.LifecycleService(): nothing can be told"
        configurations.wrong(found, f"{whose}: {text}")


def _see_reporter(service: Any, generator: LatentWorkerGenerator) -> None:
    name = next(
        (cls.__name__ for cls in type(service).__mro__ if cls.__name__ in BUILDS_ONLY), None
    )
    if name is not None:
        config.error(
            f"LatentWorkerGenerator: {name} tells of builds only; give it to MailNotifier,"
            " HttpStatusPush, PushoverNotifier or PushjetNotifier"
        )
    elif _posts_json(service) and generator.formatter.template_type != "json":
        config.error(
            "LatentWorkerGenerator: HttpStatusPush sends JSON: give the generator"
            " message_formatter=reporters.LatentWorkerFormatter(template_type='json')"
        )


def _posts_json(service: Any) -> bool:
    """Whether it sends as Buildbot's HttpStatusPush: a body that is a text is left out there."""
    is_one = isinstance(service, HttpStatusPush)
    return is_one and type(service).sendMessage is HttpStatusPush.sendMessage


configurations.when_read(_see)


def _count(master: Any, reporter: str, is_delivered: bool) -> None:
    service = find_service(master)
    if service is not None:
        service.notified(reporter, is_delivered)


def _begin(master: Any, reporter: Any) -> None:
    """A reconfiguration has put others into place: they need not wait until something happens."""
    for each in (reporter.generators or ()) if reporter.running else ():
        if isinstance(each, LatentWorkerGenerator):
            each.begin(master, reporter)


def _report(message: Mapping[str, Any]) -> dict[str, Any]:
    """As those that Buildbot's own generators make; the reporter's own receivers get it."""
    return {
        "body": message["body"],
        "subject": message["subject"],
        "type": message["type"],
        "results": None,
        "builds": None,
        "buildset": None,
        "users": [],
        "patches": None,
        "logs": None,
        "worker": None,
        "extra_info": message.get("extra_info"),
    }
