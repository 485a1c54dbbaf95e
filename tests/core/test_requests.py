"""Who asks, in words: the same on the page and in what is written down."""

from __future__ import annotations

import pytest

from buildbot_lifecycle.core.requests import ANONYMOUS, RECONFIG, SHUTDOWN, Actor


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        (ANONYMOUS, "somebody who was not logged in"),
        # a user may have any name
        (Actor("user", "anonymous"), "anonymous"),
        (Actor("user", "policy:x"), "policy:x"),
        (Actor("policy", "policy:auto_release"), "the policy auto_release"),
        (SHUTDOWN, "the stop of the master"),
        (RECONFIG, "a reconfiguration"),
    ],
)
def test_an_actor_in_words(actor: Actor, words: str) -> None:
    assert actor.words == words
