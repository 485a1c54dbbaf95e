"""What is published of the answers of nova, keystone, UpCloud and Marathon: names, types, what is needed.

Written down here for the addresses that the drivers and adapters ask, as JSON schemas of our own, after

- nova: github.com/openstack/nova (Apache 2.0), commit 00a03040, nova/api/openstack/compute/schemas: what
  nova says itself of its answers in version 2.1;
- keystone: docs.openstack.org/api-ref/identity/v3, "Password authentication"; glance: api-ref/image/v2;
- UpCloud: github.com/UpCloudLtd/upcloud-go-api (MIT), commit f64673e8, upcloud/server.go, and the answers
  in its tests; errors: developers.upcloud.com/1.3;
- Marathon: github.com/mesosphere/marathon (Apache 2.0), commit 90619da7, docs/docs/rest-api/public/api.

A field that is not published is refused, and so is an answer at an address that is not in the list.
"""

from __future__ import annotations

from tests.clouds.schemas import (
    ANY,
    DIGITS,
    NOTHING,
    NUMBER,
    TEXT,
    TIME,
    UUID,
    WHOLE,
    YES_OR_NO,
    Reference,
    Schema,
    having,
    many,
    one_of,
    or_null,
    texts,
    words_of,
)

# OpenStack

_LINKS = many(having({"rel": one_of("self", "bookmark"), "href": TEXT}))
_STATUSES = words_of(
    "ACTIVE BUILD DELETED ERROR HARD_REBOOT MIGRATING PASSWORD PAUSED REBOOT REBUILD"
    " RESCUE RESIZE REVERT_RESIZE SHELVED SHELVED_OFFLOADED SHUTOFF SOFT_DELETED"
    " SUSPENDED UNKNOWN VERIFY_RESIZE"
)
_SERVER = having(
    {
        "accessIPv4": TEXT,
        "accessIPv6": TEXT,
        "addresses": {"type": "object"},
        "config_drive": one_of("", "True", "False", None),
        "created": TIME,
        "flavor": having({}, {"id": TEXT, "links": _LINKS}),
        "hostId": TEXT,
        "id": UUID,
        "image": {"anyOf": [having({}, {"id": UUID, "links": _LINKS}), one_of("")]},
        "key_name": or_null(TEXT),
        "links": _LINKS,
        "metadata": texts(),
        "name": or_null(TEXT),
        "os-extended-volumes:volumes_attached": many(having({"id": TEXT})),
        "status": one_of(*_STATUSES),
        "tenant_id": TEXT,
        "updated": TIME,
        "user_id": TEXT,
        "OS-DCF:diskConfig": TEXT,
        "OS-EXT-AZ:availability_zone": TEXT,
        "OS-EXT-STS:power_state": one_of(0, 1, 3, 4, 6, 7, None),
        "OS-EXT-STS:task_state": or_null(TEXT),
        "OS-EXT-STS:vm_state": or_null(TEXT),
        "OS-SRV-USG:launched_at": or_null(TIME),
        "OS-SRV-USG:terminated_at": or_null(TIME),
    },
    {
        "fault": having({"code": WHOLE, "created": TIME, "message": TEXT}, {"details": TEXT}),
        "progress": or_null(NUMBER),
        "security_groups": many(having({"name": TEXT})),
    },
)
_SHORT = having({"id": UUID, "links": _LINKS, "name": TEXT})
_MADE = having(
    {
        "id": UUID,
        "links": _LINKS,
        "security_groups": many(having({"name": TEXT})),
        "OS-DCF:diskConfig": one_of("AUTO", "MANUAL"),
    },
    {"adminPass": TEXT},
)
_FLAVOR = having(
    {
        "disk": WHOLE,
        "id": TEXT,
        "links": _LINKS,
        "name": TEXT,
        "os-flavor-access:is_public": ANY,
        "ram": WHOLE,
        "rxtx_factor": ANY,
        "swap": {"anyOf": [WHOLE, one_of("")]},
        "vcpus": WHOLE,
        "OS-FLV-DISABLED:disabled": YES_OR_NO,
        "OS-FLV-EXT-DATA:ephemeral": WHOLE,
    }
)
_VERSION = having(
    {
        "id": TEXT,
        "status": one_of("CURRENT", "SUPPORTED", "DEPRECATED"),
        "links": many(having({"href": TEXT, "rel": TEXT}, {"type": TEXT})),
        "min_version": TEXT,
        "updated": TIME,
        "version": TEXT,
    },
    {"media-types": many(ANY)},
)
_DOMAIN = having({"id": TEXT, "name": TEXT})
_ENDPOINT = having(
    {"id": TEXT, "interface": one_of("public", "internal", "admin"), "url": TEXT},
    {"region": TEXT, "region_id": TEXT},
)
_CATALOG = having({"id": TEXT, "type": TEXT, "name": TEXT, "endpoints": many(_ENDPOINT)})
_TOKEN = having(
    {
        "methods": many(TEXT),
        "expires_at": TIME,
        "issued_at": TIME,
        "audit_ids": many(TEXT),
        "user": having(
            {"id": TEXT, "name": TEXT, "domain": _DOMAIN, "password_expires_at": or_null(TIME)}
        ),
        "project": having({"id": TEXT, "name": TEXT, "domain": _DOMAIN}),
        "is_domain": YES_OR_NO,
        "roles": many(having({"id": TEXT, "name": TEXT})),
        "catalog": many(_CATALOG),
    }
)
_IMAGE = having(
    {"id": UUID, "name": TEXT, "status": TEXT},
    {"visibility": TEXT, "container_format": TEXT, "disk_format": TEXT, "schema": TEXT},
)
_KEYSTONES_ERROR = having({"error": having({"code": WHOLE, "title": TEXT, "message": TEXT})})


def _fault(name: str) -> Schema:
    """An error of nova: one object under a name that says which."""
    return having({name: having({"code": WHOLE, "message": TEXT})})


OPENSTACK: Reference = (
    (
        "GET",
        "/v3/?",
        200,
        having(
            {
                "version": having(
                    {
                        "id": TEXT,
                        "status": one_of("stable"),
                        "updated": TIME,
                        "links": many(having({"href": TEXT, "rel": TEXT})),
                    },
                    {"media-types": many(ANY)},
                )
            }
        ),
    ),
    ("POST", "/v3/auth/tokens", 201, having({"token": _TOKEN})),
    ("POST", "/v3/auth/tokens", 401, _KEYSTONES_ERROR),
    ("GET", "/v2.1/?", 200, having({"version": _VERSION})),
    ("GET", "/v2.1/servers", 200, having({"servers": many(_SHORT)})),
    ("GET", "/v2.1/servers/detail", 200, having({"servers": many(_SERVER)})),
    ("GET", "/v2.1/servers/[^/]+", 200, having({"server": _SERVER})),
    ("GET", "/v2.1/servers/[^/]+", 404, _fault("itemNotFound")),
    ("POST", "/v2.1/servers", 202, having({"server": _MADE})),
    ("POST", "/v2.1/servers", 403, _fault("forbidden")),
    ("POST", "/v2.1/servers", 400, _fault("badRequest")),
    ("DELETE", "/v2.1/servers/[^/]+", 204, NOTHING),
    ("DELETE", "/v2.1/servers/[^/]+", 404, _fault("itemNotFound")),
    ("POST", "/v2.1/servers/[^/]+/action", 200, having({"output": TEXT})),
    ("POST", "/v2.1/servers/[^/]+/action", 404, _fault("itemNotFound")),
    ("GET", "/v2.1/flavors/detail", 200, having({"flavors": many(_FLAVOR)})),
    (
        "GET",
        "/image/v2/images",
        200,
        having({"images": many(_IMAGE), "first": TEXT, "schema": TEXT}, {"next": TEXT}),
    ),
    *((method, "/(v2.1|image)/.*", 401, _KEYSTONES_ERROR) for method in ("GET", "POST", "DELETE")),
)

# UpCloud

_UP_SERVER: dict[str, Schema] = {
    "core_number": DIGITS,
    "hostname": TEXT,
    "license": NUMBER,
    "memory_amount": DIGITS,
    "plan": TEXT,
    "state": one_of("started", "stopped", "maintenance", "error"),
    "tags": having({"tag": many(TEXT)}),
    "title": TEXT,
    "uuid": UUID,
    "zone": TEXT,
}
_UP_MORE: dict[str, Schema] = {
    "labels": having({"label": many(having({"key": TEXT, "value": TEXT}))}),
    "plan_ipv4_bytes": DIGITS,
    "plan_ipv6_bytes": DIGITS,
    "progress": DIGITS,
}
_UP_DETAILS: dict[str, Schema] = {
    "boot_order": TEXT,
    "firewall": one_of("on", "off"),
    "ip_addresses": having(
        {
            "ip_address": many(
                having({"access": TEXT, "address": TEXT, "family": one_of("IPv4", "IPv6")})
            )
        }
    ),
    "metadata": one_of("yes", "no"),
    "nic_model": TEXT,
    "storage_devices": having(
        {
            "storage_device": many(
                having(
                    {"address": TEXT, "storage": UUID, "storage_size": WHOLE, "type": TEXT},
                    {"storage_title": TEXT, "boot_disk": TEXT, "part_of_plan": TEXT},
                )
            )
        }
    ),
    "timezone": TEXT,
    "video_model": TEXT,
}
_UP_REST = (
    "devices",
    "host",
    "networking",
    "server_group",
    "simple_backup",
    "remote_access_enabled",
)
_ONE_SERVER = having(
    {
        "server": having(
            {**_UP_SERVER, **_UP_DETAILS},
            # the password is in the answer to a creation, alone
            {**_UP_MORE, "password": TEXT, **dict.fromkeys(_UP_REST, ANY)},
        )
    }
)
_UP_ERROR = having({"error": having({"error_code": TEXT, "error_message": TEXT})})
_TEMPLATE = having(
    {"title": TEXT, "uuid": UUID, "type": one_of("template"), "state": TEXT, "access": TEXT},
    {"license": NUMBER, "size": WHOLE},
)

UPCLOUD: Reference = (
    (
        "GET",
        "/server",
        200,
        having({"servers": having({"server": many(having(_UP_SERVER, _UP_MORE))})}),
    ),
    ("POST", "/server", 202, _ONE_SERVER),
    ("GET", "/server/[^/]+", 200, _ONE_SERVER),
    ("POST", "/server/[^/]+/stop", 200, _ONE_SERVER),
    ("DELETE", "/server/[^/]+", 204, NOTHING),
    (
        "GET",
        "/storage/template",
        200,
        having({"storages": having({"storage": many(_TEMPLATE)})}),
    ),
    *(
        (method, "/(server|storage)(/.*)?", status, _UP_ERROR)
        for method in ("GET", "POST", "DELETE")
        for status in (400, 401, 402, 403, 404, 409)
    ),
)

# Marathon

_NAME = "([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])"
PATH_ID: Schema = {"type": "string", "pattern": rf"^(/{_NAME}([.]{_NAME})*)+$"}
_TASK_STATES = words_of(
    "ERROR FAILED FINISHED KILLED KILLING RUNNING STAGING STARTING UNREACHABLE UNKNOWN GONE DROPPED"
)
_OF_AN_APP = words_of(
    "acceptedResourceRoles args backoffFactor backoffSeconds check cmd constraints"
    " cpus dependencies disk executor executorResources fetch gpus healthChecks"
    " ipAddress killSelection maxLaunchDelaySeconds mem networks portDefinitions"
    " ports readinessChecks requirePorts residency resourceLimits role secrets"
    " taskKillGracePeriodSeconds tty unreachableStrategy upgradeStrategy uris user"
    " deployments readinessCheckResults tasks tasksStats"
)
_FAILURE = having(
    {
        "appId": PATH_ID,
        "host": TEXT,
        "message": TEXT,
        "state": TEXT,
        "taskId": TEXT,
        "timestamp": TIME,
        "version": TIME,
    },
    {"slaveId": TEXT},
)
_CONTAINER = having(
    {"type": one_of("MESOS", "DOCKER")},
    {
        "docker": having(
            {"image": TEXT},
            {
                "forcePullImage": YES_OR_NO,
                "network": one_of("BRIDGE", "HOST", "NONE", "USER"),
                "parameters": many(ANY),
                "portMappings": many(ANY),
                "privileged": YES_OR_NO,
            },
        ),
        "volumes": many(ANY),
        "portMappings": many(ANY),
    },
)
_APP = having(
    {"id": PATH_ID},
    {
        **dict.fromkeys(_OF_AN_APP, ANY),
        "container": or_null(_CONTAINER),
        "env": texts(),
        "instances": WHOLE,
        "labels": texts(),
        "lastTaskFailure": _FAILURE,
        "tasksHealthy": WHOLE,
        "tasksRunning": WHOLE,
        "tasksStaged": WHOLE,
        "tasksUnhealthy": WHOLE,
        "version": TIME,
        "versionInfo": having({"lastScalingAt": TIME, "lastConfigChangeAt": TIME}),
    },
)
_TASK = having(
    {
        "appId": PATH_ID,
        "host": TEXT,
        "id": TEXT,
        "state": one_of(*(f"TASK_{each}" for each in _TASK_STATES)),
        "role": TEXT,
    },
    dict.fromkeys(
        [
            "healthCheckResults",
            "checkResult",
            "ipAddresses",
            "ports",
            "servicePorts",
            "slaveId",
            "stagedAt",
            "startedAt",
            "version",
            "localVolumes",
            "region",
            "zone",
        ],
        ANY,
    ),
)
_ERROR = having(
    {"message": TEXT}, {"details": many(having({}, {"path": TEXT, "errors": many(TEXT)}))}
)

MARATHON: Reference = (
    ("GET", "/v2/apps", 200, having({"apps": many(_APP)})),
    ("POST", "/v2/apps", 201, _APP),
    ("GET", "/v2/apps/.+", 200, having({"app": _APP})),
    ("DELETE", "/v2/apps/.+", 200, having({"deploymentId": TEXT, "version": TIME})),
    ("GET", "/v2/tasks", 200, having({"tasks": many(_TASK)})),
    *(
        (method, "/v2/apps(/.+)?", status, _ERROR)
        for method in ("GET", "POST", "DELETE")
        for status in (400, 401, 403, 404, 409, 422)
    ),
)
