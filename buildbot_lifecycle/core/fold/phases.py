"""The phases of an episode."""

from __future__ import annotations

from buildbot_lifecycle.core.facts import Phase
from buildbot_lifecycle.core.states import State

#: Phases kept of one episode; a machine that loops is cut here, the log has every transition.
MAX_PHASES = 200


def end_phase(phases: tuple[Phase, ...], at: float) -> tuple[Phase, ...]:
    """The phases, the last of them ended."""
    if not phases or phases[-1].until is not None:
        return phases
    last = phases[-1]
    return (*phases[:-1], Phase(last.state, last.since, at))


def next_phase(phases: tuple[Phase, ...], state: State, at: float) -> tuple[Phase, ...]:
    """The phases and one more, that begins as the last one ends."""
    grown = (*end_phase(phases, at), Phase(state, at))
    return grown if len(grown) <= MAX_PHASES else (*grown[: MAX_PHASES - 1], grown[-1])
