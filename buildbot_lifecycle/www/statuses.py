"""What each refusal is in HTTP: the only place where a code becomes a status."""

from __future__ import annotations

OK, ACCEPTED = 200, 202

#: Codes that end in the name of a thing: ``no_such_worker`` and the like.
NO_SUCH = "no_such_"

#: Codes that ask for a bearer token (RFC 6750).
BEARER = ("no_token", "wrong_token")

#: The status of each code. docs/rest says when it is answered.
STATUSES = {
    "several_masters": 300,
    "bad_query": 400,
    "bad_json": 400,
    "bad_field": 400,
    "bad_host": 400,
    "wrong_confirmation": 400,
    "not_logged_in": 401,
    "no_token": 401,
    "wrong_token": 401,
    "forbidden": 403,
    "bad_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_eligible": 409,
    "nothing_to_release": 409,
    "other_master": 409,
    "expired": 409,
    "already_closed": 409,
    "healthy": 409,
    "starting": 409,
    "stopping": 409,
    "not_released": 409,
    "not_offered": 409,
    "not_sure": 409,
    "no_name": 409,
    "gone": 409,
    "being_ended": 409,
    "master_alive": 409,
    "already_dismissed": 409,
    "already_paused": 409,
    "not_paused": 409,
    "episode_changed": 412,
    "too_large": 413,
    "wrong_content_type": 415,
    "internal": 500,
    "not_ready": 503,
    "behind": 503,
    "busy": 503,
}


def status_of(code: str) -> int:
    """The HTTP status of a refusal with this code."""
    return 404 if code.startswith(NO_SUCH) else STATUSES[code]
