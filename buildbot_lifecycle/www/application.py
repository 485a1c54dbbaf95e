"""The www plugin: what Buildbot finds under the entry point ``lifecycle`` of ``buildbot.www``.

Buildbot loads every installed www plugin, configured or not, and one that fails while it is
imported makes the master hang silently at start. So whatever could fail is caught here, and the API
then says that it is out of order.
"""

from __future__ import annotations

from typing import Any

from buildbot.www.plugin import Application
from twisted.web.resource import Resource

from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.www.hub import Request, Service

_BROKEN = b'{"error":"the REST API could not be loaded; the log says why","code":"internal"}'


class LifecycleApplication(Application):
    """The page's static files, and the REST API below ``api``."""

    #: Set by Buildbot before the first request, and again at each reconfig.
    master: Any = None

    def __init__(self) -> None:
        super().__init__("buildbot_lifecycle", "Lifecycle of latent workers")
        api = _api(self)
        self.resource.putChild(b"api", api)
        self.resource.putChild(b"metrics", Shortcut(api, b"v1", b"metrics"))

    def setConfiguration(self, config: object) -> None:  # noqa: N802  # Buildbot's name
        """What stands in ``c['www']['plugins']['lifecycle']``; nothing can be said there."""
        super().setConfiguration(config)
        if config != {}:
            text = (
                "c['www']['plugins']['lifecycle'] takes no options,"
                f" so {_short(config)} has no effect; write {{}} there."
                " The options of buildbot-lifecycle are arguments of util.LifecycleService"
            )
            log_lines([text])

    def service(self) -> Service | None:
        """The lifecycle service in master.cfg, or None."""
        # Not at import: the service pulls in much that could fail.
        from buildbot_lifecycle.service.service import find_service  # noqa: PLC0415

        found = find_service(self.master)
        return None if found is None else found.answers


def _short(config: object) -> str:
    """Names of options without their values, which may be secrets and are for nobody here."""
    return ", ".join(sorted(map(repr, config))) if isinstance(config, dict) else repr(config)[:100]


class Shortcut(Resource):
    """A second address of one path of the API: Prometheus is at home at ``.../metrics``."""

    isLeaf = True  # noqa: N815  # Twisted's name

    def __init__(self, api: Resource, *path: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted has no annotation there
        self._api = api
        self._path = path

    def render(self, request: Any) -> Any:
        """What the API answers there."""
        request.postpath = [*self._path, *(part for part in request.postpath if part)]
        return self._api.render(request)  # type: ignore[no-untyped-call]


class OutOfOrder(Resource):
    """Stands where the API would be, if it could not be loaded."""

    isLeaf = True  # noqa: N815  # Twisted's name

    def render(self, request: Request) -> bytes:
        """The same answer for every path and method."""
        request.setResponseCode(500)
        request.setHeader(b"content-type", b"application/json; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        return _BROKEN


def _api(application: LifecycleApplication) -> Resource:
    try:
        from buildbot_lifecycle.www.api import resource  # noqa: PLC0415

        return resource(application)
    except Exception:  # noqa: BLE001  # see above: the master would hang
        log_error(None, "lifecycle: the REST API cannot be loaded")
        return OutOfOrder()  # type: ignore[no-untyped-call]  # Twisted has no annotation there


ep = LifecycleApplication()
