"""What went wrong, in a sentence with what to do about it."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

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
    "not_eligible": "Look again before you decide: `buildbot-lifecycle worker NAME`",
    "not_logged_in": _LOG_IN,
    "not_ready": "Is util.LifecycleService() among c['services']? The master's log says more",
}


def trouble(
    status: int, headers: Mapping[str, str], value: Any, url: str, is_known: bool
) -> Trouble:
    """Of an answer that is not what was asked for; `value` is None where it is no JSON."""
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
    return _of_others(status, headers, url)


def _of_others(status: int, headers: Mapping[str, str], url: str) -> Trouble:
    """Somebody has answered who is not the plugin: a proxy, a login, another program."""
    if status == _TOO_MANY:
        seconds = headers.get("retry-after")
        advice = f"Try again {f'in {seconds} s' if seconds else 'later'}; `watch --every` asks less"
        return Trouble(Status.UNREACHABLE, f"{url} is asked too often (HTTP {status})", advice)
    if status >= _SERVERS_FAULT:
        advice = "Is the master up? Its own log says more, and so does that of a proxy before it"
        message = f"a proxy at {url} has no answer of Buildbot (HTTP {status})"
        return Trouble(Status.UNREACHABLE, message, advice, is_sent=True)
    is_page = "html" in headers.get("content-type", "").lower()
    if status == _OK and is_page:
        advice = (
            "If a browser shows a login there, give what it takes: --cookie-file or --token-file. If it"
            f" shows something else, is this Buildbot's address? {_WITH_ITS_PATH}"
        )
        return Trouble(Status.UNREACHABLE, f"{url} answers with a web page, not the plugin", advice)
    if status == _OK:
        message = f"what {url} has answered is not whole, or not the plugin's"
        advice = "Try again; a proxy that changes or cuts answers does this too"
        return Trouble(Status.UNREACHABLE, message, advice, is_sent=True)
    if status == _BAD_REQUEST and url.startswith("http:"):
        # So servers say that TLS is spoken at this port.
        message = f"{url} does not understand what we ask (HTTP {status})"
        return Trouble(
            Status.UNREACHABLE, message, f"If it speaks https, say https://. {_WITH_ITS_PATH}"
        )
    return _no_plugin(f"{url} does not have the plugin (HTTP {status})")


_OK, _BAD_REQUEST, _TOO_MANY, _SERVERS_FAULT = 200, 400, 429, 500

_WITH_ITS_PATH = "It is as in a browser, with the path below which Buildbot is served"


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
    return Trouble(_STATUSES.get(status, Status.FAILED), message, advice, code=code)


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
        "If it has one in the browser, write that session's cookie into a file: --cookie-file. If it has"
        " none at all, nobody needs to log in",
    )


def no_answer(error: Exception, url: str, seconds: float) -> Trouble:
    """Nothing came back within so many seconds, or nothing whole."""
    cause: Any = error.reason if isinstance(error, URLError) else error
    message, advice = _of_the_line(cause, url, seconds)
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {url} is not one that we trust: {cause.verify_message}"
        advice = _CERTIFICATES.get(cause.verify_code, _OWN_AUTHORITY)
    elif (proxy := _proxy_of(url)) is not None:
        advice = (
            f"The environment names a proxy for it, {proxy}; no_proxy names hosts without. {advice}"
        )
    never_sent = isinstance(
        cause, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
    )
    return Trouble(Status.UNREACHABLE, message, advice, is_sent=not never_sent)


def _of_the_line(cause: Any, url: str, seconds: float) -> tuple[str, str]:
    """What has happened, and what to do."""
    given = {
        "url": url,
        "host": urlsplit(url).hostname,
        "seconds": f"{seconds:g}",
        "cause": getattr(cause, "strerror", None) or cause,
    }
    for kind, message, advice in _LINES:
        if isinstance(cause, kind):
            return message.format(**given), advice
    return f"no answer of {url}: {cause}", "Is the address right, and the master up?"


#: The narrower kind first: RemoteDisconnected is a BadStatusLine too.
_LINES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        socket.gaierror,
        "{host} is no name that is known here ({cause})",
        "Is it spelled as in your browser? Names of a network of your own may need its VPN",
    ),
    (
        ConnectionRefusedError,
        "nobody listens at {url}",
        "Is the master up, and is the port the one in your browser's line?",
    ),
    (
        TimeoutError,
        "{url} has not answered within {seconds} s",
        "--timeout SECONDS waits longer; a master that stands still answers nobody, and one that speaks"
        " http does not answer https",
    ),
    (
        ssl.SSLError,
        "no answer of {url}: {cause}",
        "Does it speak https at all? If not, the address begins with http://",
    ),
    (
        http.client.RemoteDisconnected,
        "{url} has hung up without an answer",
        "Does it speak https? Then the address begins with https://",
    ),
    (
        http.client.IncompleteRead,
        "the answer of {url} has broken off",
        "Try again; a proxy may cut long answers",
    ),
    (
        http.client.BadStatusLine,
        "what answers at {url} does not speak HTTP",
        "Is the port the one in your browser's line?",
    ),
)

_OWN_AUTHORITY = (
    "If your own authority has made it: --ca-file FILE with the authority's certificate"
)

#: OpenSSL's numbers (X509_V_ERR_...) for what no other authority would mend.
_CERTIFICATES = {
    9: "It is not valid yet: is the clock of this machine right?",
    10: "It has to be renewed on the server; or is the clock of this machine wrong?",
    62: "Take a name as --url that stands in the certificate",
    64: "Take a name as --url that stands in the certificate, not a number",
}


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for this address, without a password."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxy.rpartition("@")[2]
