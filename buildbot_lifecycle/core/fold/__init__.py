"""Episodes: the lives of instances, folded from events.

`apply` takes what is known of a worker and one event and answers what is known then. It is the only
place that says when an episode begins and ends and how it ended; the recorder stores what it answers,
and the same fold over the stored log gives the same again. Each module here has the events of one noun.
"""

from __future__ import annotations

from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import builds, calls, connections, standing, starts, transitions
from buildbot_lifecycle.core.fold.steps import Step
from buildbot_lifecycle.core.values import replace

_HANDLERS = {
    **transitions.HANDLERS,
    **calls.HANDLERS,
    **starts.HANDLERS,
    **connections.HANDLERS,
    **builds.HANDLERS,
    **standing.HANDLERS,
}


def apply(facts: Facts, event: Event) -> Step:
    """Fold one event into the facts of its worker."""
    handler = _HANDLERS.get(event.kind)
    if handler is None:
        return Step(facts)
    return handler(facts, event)


def numbered(facts: Facts, first_seq: int, episode_id: int) -> Facts:
    """The facts with the database's number on the open episode, if it is still that one."""
    if facts.episode is None or facts.episode.first_seq != first_seq:
        return facts
    return replace(facts, episode=replace(facts.episode, id=episode_id))
