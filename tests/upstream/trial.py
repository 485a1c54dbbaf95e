"""Runs some of Buildbot's own tests under trial, plain or with our probe on, and writes what came out.

    python trial.py RESULT.json plain|probe buildbot.test.integration.worker.test_latent ...

The result: `{"outcomes": {test id: [word, ...]}, "seen": {kind of observation: n}, "failed": [...]}`.
"""

from __future__ import annotations

import collections
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from twisted.trial import reporter, runner, unittest

OUTCOMES: dict[str, list[str]] = collections.defaultdict(list)
SEEN: dict[str, int] = collections.Counter()
FAILED: list[str] = []


class Outcomes(reporter.TreeReporter):
    """Trial's own reporter, which notes one word for each thing it is told."""

    def addSuccess(self, test: Any) -> None:
        OUTCOMES[test.id()].append("success")
        super().addSuccess(test)

    def addFailure(self, test: Any, why: Any) -> None:
        OUTCOMES[test.id()].append("failure")
        super().addFailure(test, why)

    def addError(self, test: Any, error: Any) -> None:
        OUTCOMES[test.id()].append("error")
        super().addError(test, error)

    def addSkip(self, test: Any, reason: Any) -> None:
        OUTCOMES[test.id()].append("skip")
        super().addSkip(test, reason)

    def addExpectedFailure(self, test: Any, error: Any, todo: Any = None) -> None:
        OUTCOMES[test.id()].append("expected failure")
        super().addExpectedFailure(test, error, todo)

    def addUnexpectedSuccess(self, test: Any, todo: Any = None) -> None:
        OUTCOMES[test.id()].append("unexpected success")
        super().addUnexpectedSuccess(test, todo)


class Sink:
    """Counts what the probe tells."""

    def observe(self, watched: Any, kind: Any, data: dict[str, Any]) -> None:
        SEEN[kind.value] += 1

    def failed(self, what: str) -> None:
        FAILED.append(f"{what}: {sys.exc_info()[1]!r}")

    def refuses_start(self, watched: Any) -> bool:
        return False  # nobody has released anything, and no stop is asked for by our means


def put_probe_on_every_master() -> None:
    """Each BuildMaster that a test makes is observed from its first moment until it has stopped."""
    from buildbot.master import BuildMaster

    from buildbot_lifecycle.watch.probe import PROBE

    make, stop = BuildMaster.__init__, BuildMaster.stopService

    def observed_init(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        PROBE.subscribe(self, Sink())

    def observed_stop(self: Any) -> Any:
        def stopped(result: Any) -> Any:
            PROBE.unsubscribe(self)
            return result

        return stop(self).addBoth(stopped)

    BuildMaster.__init__, BuildMaster.stopService = observed_init, observed_stop


def let_workers_be_awaited() -> None:
    """Buildbot's double of a latent worker awaits what its worker's `setServiceParent` returns.

    That is None, which a current Twisted refuses to wait for. Nothing to do with the probe: without
    this the tests fail, and three hang, in stock Buildbot too.
    """
    from buildbot.test.fake import latent
    from twisted.internet import defer

    class RemoteWorker(latent.RemoteWorker):
        def setServiceParent(self, parent: Any) -> Any:
            return defer.maybeDeferred(super().setServiceParent, parent)

        def disownServiceParent(self) -> Any:
            return defer.maybeDeferred(super().disownServiceParent)

    latent.RemoteWorker = RemoteWorker


def main() -> int:
    result, mode, *names = sys.argv[1:]
    let_workers_be_awaited()
    if mode == "probe":
        put_probe_on_every_master()
    suite = runner.TestLoader().loadByNames(names)
    # Importing them made every warning an error; other packages' deprecations are not the matter here.
    warnings.simplefilter("ignore", DeprecationWarning)
    # They run on a fake clock: real seconds are only for those that hang.
    unittest.TestCase.timeout = 5
    runner.TrialRunner(Outcomes, workingDirectory="_trial").run(suite)
    text = json.dumps({"outcomes": OUTCOMES, "seen": SEEN, "failed": FAILED}, indent=1)
    Path(result).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
