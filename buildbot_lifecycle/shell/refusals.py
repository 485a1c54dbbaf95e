"""What went wrong, in a sentence with what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from buildbot_lifecycle.shell.trouble import Status, Trouble

#: Of 4xx and 5xx: what a status means for who has asked.
_STATUSES = {
    300: Status.REFUSED,
    400: Status.USAGE,
    401: Status.NOT_ALLOWED,
    403: Status.NOT_ALLOWED,
    404: Status.REFUSED,
    405: Status.UNREACHABLE,
    409: Status.REFUSED,
    412: Status.REFUSED,
    413: Status.USAGE,
    500: Status.FAILED,
    503: Status.UNREACHABLE,
}

_NOTHING_THERE = 404

_LOG_IN = (
    "Log in: `buildbot-lifecycle login` keeps a session; or --user NAME, with the password asked for,"
    " or in a file (--password-file). Where Buildbot's login is OAuth, write the browser's cookie into a"
    " file: --cookie-file"
)

_ADVICE = {
    "bad_query": "",
    "behind": "The database does not answer the master; nothing was done. Try again later",
    "busy": "Try again in a moment",
    "episode_changed": "Look again before you decide: `buildbot-lifecycle worker NAME`",
    "expired": "Nothing was done. Is that master up? `buildbot-lifecycle stop-check` lists them",
    "forbidden": "Ask who administrates this Buildbot: rules of its authz say who may",
    "internal": "The master's log has the traceback",
    "no_such_orphan": "`buildbot-lifecycle orphans --all` lists them with their numbers",
    "no_such_worker": "`buildbot-lifecycle workers` lists them. Only latent workers are known here",
    "not_eligible": "If you are sure: --override",
    "not_logged_in": _LOG_IN,
    "not_ready": "Is util.LifecycleService() among c['services']? The master's log says more",
}


def trouble(
    status: int, headers: Mapping[str, str], value: Any, url: str, is_known: bool
) -> Trouble:
    """Of an answer that is not what was asked for."""
    if isinstance(value, dict) and "error" in value and "code" in value:
        return _of_the_plugin(status, value, url)
    if "location" in headers:
        where = headers["location"]
        advice = (
            "If that is Buildbot's right address, take it as --url; if it is a login, " + _LOG_IN
        )
        return Trouble(Status.UNREACHABLE, f"{url} sends us on to {where}", advice)
    if status in (401, 403):
        reason = "does not take who we say we are" if is_known else "wants to know who asks"
        return Trouble(Status.NOT_ALLOWED, f"{url} {reason} (HTTP {status})", _LOG_IN)
    if status in (502, 504):
        advice = "Is the master up? Its own log and the proxy's say more"
        message = f"a proxy at {url} has no answer of Buildbot"
        return Trouble(Status.UNREACHABLE, message, advice, is_sent=True)
    return _no_plugin(f"{url} does not have the plugin (HTTP {status})")


def _no_plugin(message: str) -> Trouble:
    return Trouble(
        Status.UNREACHABLE,
        message,
        "Is this Buildbot's address, with the path below which it is served? If it is,"
        " c['www']['plugins'] of its master.cfg needs 'lifecycle': {}",
    )


def _of_the_plugin(status: int, value: Mapping[str, Any], url: str) -> Trouble:
    message, code = str(value["error"]), str(value["code"])
    if code == "not_found":
        return _no_plugin(
            f"the plugin at {url} has nothing at this address; its version is another"
        )
    if code == "several_masters":
        lines = [
            f"--master {each['masterid']}: {each['master']}, {each['state']}"
            + ("" if each["live"] else ", not up")
            for each in value.get("choices", ())
        ]
        return Trouble(Status.REFUSED, message.partition(":")[0], "\n  ".join(lines))
    advice = _ADVICE.get(code, "")
    if "retry_after_s" in value:
        advice = f"Try again in {value['retry_after_s']} s"
    return Trouble(_STATUSES.get(status, Status.FAILED), message, advice)


def no_login(status: int, user: str, url: str) -> Trouble:
    """Buildbot's own login did not take the user."""
    if status in (401, 403):
        message = f"{url} does not take {user!r} with this password"
        return Trouble(Status.NOT_ALLOWED, message, "Is it the name with which you log in there?")
    if status == _NOTHING_THERE:
        return _no_plugin(f"there is no Buildbot at {url}")
    return Trouble(
        Status.NOT_ALLOWED,
        f"{url} has no login with a password (HTTP {status})",
        "Log in by a browser, and write its cookie into a file: --cookie-file",
    )


def no_answer(error: Exception, url: str) -> Trouble:
    """Nothing came back, or nothing whole."""
    cause: Any = error.reason if isinstance(error, URLError) else error
    message, advice = f"no answer of {url}: {cause}", "Is the address right, and the master up?"
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {url} is not one that we trust: {cause.verify_message}"
        advice = (
            "If your own authority has made it: --ca-file FILE with the authority's certificate"
        )
    elif isinstance(cause, ssl.SSLError):
        advice = "Does it speak https at all? Then the address begins with http://"
    elif isinstance(cause, TimeoutError):
        message = f"{url} has not answered in time"
        advice = "--timeout SECONDS waits longer; a master that stands still answers nobody"
    never_sent = isinstance(
        cause, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
    )
    return Trouble(Status.UNREACHABLE, message, advice, is_sent=not never_sent)
