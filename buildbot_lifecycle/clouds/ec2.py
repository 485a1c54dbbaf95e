"""EC2, on demand and spot. The driver leaves no mark of its own, only the administrator's tags.

Until a start has ended an instance has no tags either. So what is listed is what uses the worker's key
pair; `ours` are those that carry all of the worker's tags.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

_STATES = {
    "pending": State.STARTING,
    "running": State.UP,
    "shutting-down": State.STOPPING,
    "stopping": State.STOPPING,
    "stopped": State.DOWN,
}
_TERMINATED = "terminated"

_CONSOLES = {
    ".amazonaws.com": "console.aws.amazon.com",
    ".amazonaws.com.cn": "console.amazonaws.cn",
}
_GOVERNMENT = "us-gov-"

#: Instances in one answer.
PAGE = 500

#: Characters of the console's output that count as last words.
_LONGEST = 4000


class EC2(Silent):
    """For `EC2LatentWorker`."""

    classes = (private.EC2,)
    # tags are the administrator's, and may be another master's as well
    tells_masters = False
    can = frozenset(
        {Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LINK, Can.LAST_WORDS, Can.AGE, Can.KIND}
    )

    def name(self, worker: Any) -> str | None:
        # behind boto3's property `id`
        instance = private.read(worker, private.EC2, "instance")
        return private.text_or_none(private.lying(instance, "_id"))

    def link(self, worker: Any, name: str) -> str | None:
        region = private.read(worker, private.EC2, "session").region_name
        host = urlsplit(worker.ec2_client.meta.endpoint_url).hostname or ""
        console = next((con for ending, con in _CONSOLES.items() if host.endswith(ending)), None)
        if console is None:
            return None  # another cloud that speaks EC2's language
        if region.startswith(_GOVERNMENT):
            console = "console.amazonaws-us-gov.com"
        page = f"https://{region}.{console}/ec2/home?region={region}"
        return f"{page}#InstanceDetails:instanceId={name}"

    def reach(self, worker: Any, limits: Limits) -> Reach:
        return Reach(
            session=private.read(worker, private.EC2, "session"),
            limits=limits,
            key_pair=private.read(worker, private.EC2, "keypair_name"),
            tags=dict(private.read(worker, private.EC2, "tags") or {}),
            secrets=(worker.password,),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One region of one account."""

    session: Any = field(repr=False)
    limits: Limits
    key_pair: str
    tags: Mapping[str, str]
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "EC2"

    @property
    def scope(self) -> tuple[str, ...]:
        tags = ",".join(f"{key}={value}" for key, value in sorted(self.tags.items()))
        return ("ec2", str(self.session.region_name), _account(self.session), self.key_pair, tags)

    def list(self) -> Sequence[Instance]:
        found = self._described([{"Name": "key-name", "Values": [self.key_pair]}])
        return [self._instance(each) for each in found if _word(each) != _TERMINATED]

    def gone(self, name: str | None) -> Gone:
        if name is None:
            raise CannotTell(Why.UNDECIDED, "EC2's instances do not say whose they are")
        found = self._described([{"Name": "instance-id", "Values": [name]}])
        if not found:
            # Terminated ones are shown for about an hour. Later, in another region or with another
            # account, and for a moment after the start, there is nothing either.
            region = self.session.region_name
            raise CannotTell(Why.UNDECIDED, f"EC2 has, or has any more, no {name} in {region}")
        return _word(found[0]) == _TERMINATED

    def end(self, name: str) -> None:
        self._client().terminate_instances(InstanceIds=[name])

    def last_words(self, name: str) -> str:
        found = self._described([{"Name": "instance-id", "Values": [name]}])
        if not found:
            raise CannotTell(Why.UNDECIDED, f"EC2 has no {name}")
        words = [_word(found[0])]
        reason = found[0].get("StateReason") or {}
        words += [f"{reason.get('Code')}: {reason.get('Message')}"] if reason else []
        words += self._taken_away(found[0].get("SpotInstanceRequestId"))
        return f"{'; '.join(words)}\n{self._console(name)}".strip()

    def _taken_away(self, request: str | None) -> Sequence[str]:
        """What became of the request for a spot instance: that of one taken away says so."""
        if not request:
            return ()
        with contextlib.suppress(Exception):  # it is not worth the rest
            found = self._client().describe_spot_instance_requests(SpotInstanceRequestIds=[request])
            status = found["SpotInstanceRequests"][0]["Status"]
            return [f"spot request {status['Code']}: {status['Message']}"]
        return ()

    def _console(self, name: str) -> str:
        with contextlib.suppress(Exception):  # rights for this alone may be missing
            output = self._client().get_console_output(InstanceId=name).get("Output") or ""
            return str(output)[-_LONGEST:]
        return ""

    def _described(self, filters: Sequence[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
        pages = self._client().get_paginator("describe_instances")
        pages = pages.paginate(Filters=filters, PaginationConfig={"PageSize": PAGE})
        return [
            instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]

    def _instance(self, found: Mapping[str, Any]) -> Instance:
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags") or ()}
        kind = str(found.get("InstanceType"))
        if found.get("InstanceLifecycle") == "spot":
            kind += " spot"
        launched = found.get("LaunchTime")
        return Instance(
            name=found["InstanceId"],
            mark=None,
            state=_STATES.get(_word(found), State.OTHER),
            word=_word(found),
            born=launched.timestamp() if launched else None,
            kind=kind,
            ours=bool(self.tags) and self.tags.items() <= tags.items(),
        )

    def _client(self) -> Any:
        return _client(self.session, self.limits)


_MAKING = threading.Lock()
_CLIENTS: weakref.WeakKeyDictionary[Any, dict[Limits, Any]] = weakref.WeakKeyDictionary()


def _client(session: Any, limits: Limits) -> Any:
    """One for each session: clients may be shared by threads, making them may not, and takes a while."""
    with _MAKING:
        made = _CLIENTS.setdefault(session, {})
        if limits not in made:
            config = importlib.import_module("botocore.config").Config(
                connect_timeout=limits.connect,
                read_timeout=limits.read,
                retries={"total_max_attempts": 1, "mode": "standard"},
            )
            made[limits] = session.client("ec2", config=config)
        return made[limits]


def _account(session: Any) -> str:
    """Tells accounts apart, as far as that goes without asking: by credentials that were given."""
    # private names of boto3 and botocore; credentials of a profile or a role are not there yet
    credentials = private.lying(private.lying(session, "_session"), "_credentials")
    key = private.text_or_none(private.lying(credentials, "access_key"))
    return hashlib.sha256(key.encode()).hexdigest()[:12] if key else "default"


def _word(instance: Mapping[str, Any]) -> str:
    return str(instance["State"]["Name"])
