"""Builds, as JSON. From process/{build,builder,workerforbuilder}.py of Buildbot 4.3.0."""

from __future__ import annotations

from typing import Any


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


def newest_of(wfb: Any) -> dict[str, Any]:
    """The build for which a worker was just taken: Builder appends it before it tells the worker."""
    building = list(getattr(getattr(wfb, "builder", None), "building", None) or ())
    newest = building[-1] if building else None
    if newest is not None and getattr(newest, "workerforbuilder", None) is None:
        return describe_build(newest)
    return build_of(wfb)
