"""Builds, as JSON. From process/{build,builder,workerforbuilder}.py of Buildbot 4.3.0."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

#: Buildbot's word for "to be tried again"; from process/results.py.
RETRY = 5

#: Methods of a build in which Buildbot may break off for good: `ENDS` is over with the build, and
#: `RUNS` never fail but then.
ENDS, RUNS = "buildFinished", ("startBuild", "_start_next_step_impl")


def describe_build(build: Any) -> dict[str, Any]:
    """A build as JSON: buildid, builderid, builder, number; None for what is not known yet."""
    builder = getattr(build, "builder", None)
    try:
        builderid = build.getProperty("builderid")
    except Exception:
        builderid = None
    return {
        "buildid": getattr(build, "buildid", None),
        "builderid": builderid if isinstance(builderid, int) else None,
        "builder": str(getattr(builder, "name", "")),
        "number": getattr(build, "number", None),
    }


def build_of(wfb: Any) -> dict[str, Any]:
    """The build for which a WorkerForBuilder is taken, as `describe_build` tells it."""
    builder = getattr(wfb, "builder", None)
    for build in reversed(list(getattr(builder, "building", None) or ())):
        if getattr(build, "workerforbuilder", None) is wfb:
            return describe_build(build)
    return {
        "buildid": None,
        "builderid": None,
        "builder": str(getattr(wfb, "builder_name", "")),
        "number": None,
    }


def builds_of(worker: Any) -> list[dict[str, Any]]:
    """The builds for which a worker is taken now."""
    return [build_of(wfb) for wfb in worker.building]


def newest_object_of(wfb: Any) -> Any | None:
    """The build for which a worker was just taken: Builder appends it before it tells the worker."""
    building = list(getattr(getattr(wfb, "builder", None), "building", None) or ())
    newest = building[-1] if building else None
    if newest is not None and getattr(newest, "workerforbuilder", None) is None:
        return newest
    return None


def newest_of(wfb: Any) -> dict[str, Any]:
    """The same, as `describe_build` tells it."""
    newest = newest_object_of(wfb)
    return build_of(wfb) if newest is None else describe_build(newest)


def is_building(build: Any) -> bool:
    """Whether its builder still waits for its end."""
    return build in list(getattr(getattr(build, "builder", None), "building", None) or ())


def finish_lost(build: Any) -> defer.Deferred[Any]:
    """Have Buildbot end a build that it has lost: by its own way, which it had begun or never came to.

    A build that failed before it had its row has nothing to end there: its worker and builder are told.
    """
    results = build.results if getattr(build, "finished", False) else RETRY
    if getattr(build, "stopBuildConsumer", None) is not None and build.buildid is not None:
        return defer.maybeDeferred(build.buildFinished, ["build", "lost"], results)
    build.finished, build.results = True, RETRY
    if build._buildid_notifier:
        build._buildid_notifier.notify(
            build.buildid
        )  # who waits for its end asks for its number first
    build.workerforbuilder.buildFinished()
    return defer.maybeDeferred(build.builder.buildFinished, build, build.workerforbuilder)
