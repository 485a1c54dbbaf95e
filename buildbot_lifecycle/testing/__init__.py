"""For authors of latent workers: which rules of a trustworthy start and stop does a driver keep?

    from buildbot_lifecycle.testing import Driver, check

    report = check(Driver("MyLatentWorker('kit', 'pw', image='small')", setup="from my import *"))
    print(report.text())
    assert report.ok

With pytest, the fixture `lifecycle_finding` makes one test of each rule.

See docs/writing-workers. A real, stock master is started for each scenario, in a temporary directory; it
needs `buildbot`, `buildbot-www` and what the driver itself needs.
"""

from buildbot_lifecycle.testing.driver import Driver
from buildbot_lifecycle.testing.report import Finding, Report
from buildbot_lifecycle.testing.scenarios import Trial, check

__all__ = ["Driver", "Finding", "Report", "Trial", "check"]
