"""What the kit has found, for a person and for an assertion."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence

#: The rules, in the order of an instance's life: code, and what it demands.
RULES: dict[str, str] = {
    "starts": "a build gets its worker and runs",
    "stop ends": "stop_instance ends, and neither raises nor says False",
    "gone": "no instance is left then",
    "stays away": "the worker does not come back to be refused",
    "starts again": "the next build gets a new instance",
    "reactor is free": "no call holds up the master's reactor for a second",
    "master stops": "an idle master stops",
    "stop in build": "a master that is stopped in a build stops, and leaves no instance",
    "refusal is told": "a start that cannot succeed raises or says False, and leaves no instance",
    "hang is bounded": "stop_instance ends although nothing answers",
    "hang is not hidden": "it raises or says False of an instance that lives",
    "hung master stops": "a master whose driver hangs stops",
    "loss is mended": "a build whose instance died runs again on a new one",
    "frozen is ended": "an instance whose worker is frozen is ended",
    "crash is mended": "after kill -9 of the master the next build runs, and nothing is left of before",
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One rule: kept (True), broken (False) or not tried (None), and what was seen."""

    rule: str
    kept: bool | None
    seen: str

    @property
    def word(self) -> str:
        """For the table."""
        return {True: "kept", False: "BROKEN", None: "not tried"}[self.kept]


@dataclasses.dataclass(frozen=True)
class Report:
    """All findings on a driver."""

    driver: str
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether no rule was seen broken."""
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """The rules that were."""
        return [finding.rule for finding in self.findings if finding.kept is False]

    def finding(self, rule: str) -> Finding:
        """That on one rule. Raises KeyError for a rule that there is none."""
        return {finding.rule: finding for finding in self.findings}[rule]

    def text(self, width: int = 100) -> str:
        """A table, at most so many characters wide."""
        first = max(map(len, RULES))
        second = len("not tried")
        room = max(20, width - first - second - 4)
        lines = [f"{self.driver}", ""]
        lines.append(f"{'rule':{first}}  {'':{second}}  what was seen")
        lines.append(f"{'-' * first}  {'-' * second}  {'-' * room}")
        for finding in self.findings:
            seen = textwrap.wrap(finding.seen, room) or [""]
            lines.append(f"{finding.rule:{first}}  {finding.word:{second}}  {seen[0]}")
            lines += [f"{'':{first}}  {'':{second}}  {more}" for more in seen[1:]]
        return "\n".join(line.rstrip() for line in lines) + "\n"
