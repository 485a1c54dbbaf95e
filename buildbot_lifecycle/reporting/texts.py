"""The default texts of messages, and the example on which every template is tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUBJECT = """\
Buildbot {{ buildbot_title }}: \
{% if counts.stuck == 1 and only_one %}{{ stuck[0].worker }} is {{ stuck[0].level }}\
{% elif counts.resolved == 1 and only_one %}\
{{ resolved[0].worker }} is no longer {{ resolved[0].level }}\
{% elif counts.released == 1 and only_one %}{{ released[0].worker }} was \
{{ "to be " if released[0].status != "done" }}released\
{% elif counts.orphans == 1 and only_one %}an instance of {{ orphans[0].worker }} may still run\
{% elif counts.closed == 1 and only_one %}an instance of {{ closed[0].worker }} is settled\
{% elif behind and only_one %}lifecycle events do not reach the database\
{% elif caught_up and only_one %}lifecycle events reach the database again\
{% else %}\
{% set parts = [] %}{% set levels = stuck | map(attribute="level") | unique | list %}\
{% if stuck %}{{ parts.append(counts.stuck ~ " " ~ (levels | join(" or "))) or "" }}{% endif %}\
{% if released %}{{ parts.append(counts.released ~ " released") or "" }}{% endif %}\
{% if resolved %}{{ parts.append(counts.resolved ~ " resolved") or "" }}{% endif %}\
{% if orphans %}{{ parts.append(counts.orphans ~ " instance" ~ ("" if counts.orphans == 1 else "s")\
 ~ " may still run") or "" }}{% endif %}\
{% if closed %}{{ parts.append(counts.closed ~ " instance" ~ ("" if counts.closed == 1 else "s")\
 ~ " settled") or "" }}{% endif %}\
{% if behind %}{{ parts.append("the database is behind") or "" }}{% endif %}\
{% if caught_up %}{{ parts.append("the database has caught up") or "" }}{% endif %}\
latent workers: {{ parts | join(", ") }}\
{% endif %}"""

PLAIN = """\
{% for it in behind %}\
Lifecycle events have {{ "still " if it.again }}not reached the database for {{ it.lasted }}
    Events that wait: {{ it.queued }}{% if it.dropped %}; lost: {{ it.dropped }}{% endif %}
{% if it.error %}    The last error: {{ it.error }}
{% endif %}    Health: {{ it.url }}
    What to do: {{ it.next }}

{% endfor %}{% for it in caught_up %}\
Lifecycle events reach the database again, after {{ it.lasted }}
{% if it.dropped %}    Events that were lost since the start of the master: {{ it.dropped }}
{% endif %}    Health: {{ it.url }}

{% endfor %}\
{% for it in stuck %}\
{{ it.worker }} is {{ "still " if it.again }}{{ it.level }}: {{ it.reason }}
{% if it.instance %}    Instance: {{ it.instance }}
{% endif %}{% if it.where %}    It hangs in {{ it.call }}:
{% for frame in it.where %}        {{ frame }}
{% endfor %}{% endif %}    Page: {{ it.url }}
    What to do: {{ it.next }}

{% endfor %}{% for it in released %}\
{{ it.worker }} was {{ "to be " if it.status != "done" }}released by {{ it.by }} ({{ it.status }})
    Reason: {{ it.why }}
{% if it.outcome %}    Outcome: {{ it.outcome }}
{% endif %}{% if it.instance %}    Instance that may still run: {{ it.instance }}
{% endif %}    Page: {{ it.url }}

{% endfor %}{% for it in resolved %}\
{{ it.worker }} is no longer {{ it.level }}: {{ it.reason }} is over\
{% if not it.was_told %}; it lasted {{ it.lasted }}{% endif %}
{% if it.now %}    Now {{ it.state }}: {{ it.now }}
{% endif %}    Page: {{ it.url }}

{% endfor %}{% for it in orphans %}\
An instance of {{ it.worker }} may still run\
{% if it.again %}, for {{ it.open_for }} now{% endif %}: {{ it.why }}
    Instance: {{ it.instance or "its name is not known" }}
    Page: {{ it.url }}
    What to do: {{ it.next }}

{% endfor %}{% for it in closed %}\
The entry of an instance of {{ it.worker }} was closed by {{ it.closed_by }}, after {{ it.open_for }}
    Instance: {{ it.instance or "its name is not known" }}
{% if it.note %}    Note: {{ it.note }}
{% endif %}    Page: {{ it.url }}

{% endfor %}\
Told by buildbot-lifecycle on {{ master }}.
"""

HTML = """\
{% for it in behind %}\
<p>Lifecycle events have {{ "still " if it.again }}not reached the database for \
{{ it.lasted | e }}</p>
<ul>
<li>Events that wait: {{ it.queued }}{% if it.dropped %}; lost: {{ it.dropped }}{% endif %}</li>
{% if it.error %}<li>The last error: {{ it.error | e }}</li>
{% endif %}<li><a href="{{ it.url | e }}">Health</a></li>
<li>What to do: {{ it.next | e }}</li>
</ul>
{% endfor %}{% for it in caught_up %}\
<p>Lifecycle events reach the database again, after {{ it.lasted | e }}</p>
<ul>
{% if it.dropped %}<li>Events that were lost since the start of the master: {{ it.dropped }}</li>
{% endif %}<li><a href="{{ it.url | e }}">Health</a></li>
</ul>
{% endfor %}\
{% for it in stuck %}\
<p><a href="{{ it.url | e }}">{{ it.worker | e }}</a> is {{ "still " if it.again }}\
<b>{{ it.level | e }}</b>: {{ it.reason | e }}</p>
<ul>
{% if it.instance %}<li>Instance: {{ it.instance | e }}</li>
{% endif %}{% if it.where %}<li>It hangs in {{ it.call | e }}:\
<pre>{% for frame in it.where %}{{ frame | e }}
{% endfor %}</pre></li>
{% endif %}<li>What to do: {{ it.next | e }}</li>
</ul>
{% endfor %}{% for it in released %}\
<p><a href="{{ it.url | e }}">{{ it.worker | e }}</a> was \
{{ "to be " if it.status != "done" }}released by {{ it.by | e }} \
({{ it.status | e }})</p>
<ul>
<li>Reason: {{ it.why | e }}</li>
{% if it.outcome %}<li>Outcome: {{ it.outcome | e }}</li>
{% endif %}{% if it.instance %}<li>Instance that may still run: {{ it.instance | e }}</li>
{% endif %}</ul>
{% endfor %}{% for it in resolved %}\
<p><a href="{{ it.url | e }}">{{ it.worker | e }}</a> is no longer {{ it.level | e }}: \
{{ it.reason | e }} is over{% if not it.was_told %}; it lasted {{ it.lasted | e }}{% endif %}</p>
{% if it.now %}<ul><li>Now {{ it.state | e }}: {{ it.now | e }}</li></ul>
{% endif %}{% endfor %}{% for it in orphans %}\
<p>An instance of <a href="{{ it.url | e }}">{{ it.worker | e }}</a> may still run\
{% if it.again %}, for {{ it.open_for | e }} now{% endif %}: {{ it.why | e }}</p>
<ul>
<li>Instance: {{ (it.instance or "its name is not known") | e }}</li>
<li>What to do: {{ it.next | e }}</li>
</ul>
{% endfor %}{% for it in closed %}\
<p>The entry of an instance of <a href="{{ it.url | e }}">{{ it.worker | e }}</a> was closed by \
{{ it.closed_by | e }}, after {{ it.open_for | e }}</p>
<ul>
<li>Instance: {{ (it.instance or "its name is not known") | e }}</li>
{% if it.note %}<li>Note: {{ it.note | e }}</li>
{% endif %}</ul>
{% endfor %}\
<p>Told by buildbot-lifecycle on {{ master | e }}.</p>
"""

#: The text of a body, by its type; that of a program is no text, unless it is given one.
DEFAULT: Mapping[str, str] = {"plain": PLAIN, "html": HTML, "json": ""}

#: What a template is given, and an example of each: every template is tried on it.
_WORKER = {"workerid": 1, "worker": "example", "url": "http://localhost/#/lifecycle/workers/1"}
_LAG = {
    "since": 0.0,
    "lasted": "2 min",
    "again": False,
    "error": "OperationalError: the database is locked",
    "queued": 37,
    "dropped": 0,
    "url": "http://localhost/plugins/lifecycle/api/v1/health",
    "next": "Look.",
}
EXAMPLE: Mapping[str, Any] = {
    "buildbot_title": "Buildbot",
    "buildbot_url": "http://localhost/",
    "master": "master",
    "at": 0.0,
    "stuck": [
        {
            **_WORKER,
            "level": "stuck",
            "code": "stop_pending",
            "since": 0.0,
            "again": False,
            "reason": "stop_instance has not ended",
            "instance": "i-1",
            "call": "stop_instance",
            "where": ["stop_instance (driver.py:1)"],
            "next": "Look.",
        }
    ],
    "released": [
        {
            **_WORKER,
            "action": 1,
            "by": "alice",
            "why": "a reason",
            "status": "done",
            "outcome": "released",
            "instance": "i-1",
            "at": 0.0,
        }
    ],
    "resolved": [
        {
            **_WORKER,
            "level": "stuck",
            "code": "stop_pending",
            "was_told": True,
            "lasted": "1 min",
            "reason": "stop pending",
            "state": "not substantiated",
            "now": "nothing is waited for",
        }
    ],
    "orphans": [
        {
            **_WORKER,
            "entry": 1,
            "instance": "i-1",
            "why": "a reason",
            "opened_at": 0.0,
            "open_for": "1 d",
            "again": False,
            "closed_by": "alice",
            "note": None,
            "next": "Look.",
        }
    ],
    "closed": [
        {
            **_WORKER,
            "entry": 1,
            "instance": "i-1",
            "why": "a reason",
            "opened_at": 0.0,
            "open_for": "1 d",
            "again": True,
            "closed_by": "alice",
            "note": "gone",
            "next": "Look.",
        }
    ],
    "behind": [{**_LAG, "was_told": False}],
    "caught_up": [{**_LAG, "again": True, "was_told": True}],
    "counts": {
        "stuck": 1,
        "released": 1,
        "resolved": 1,
        "orphans": 1,
        "closed": 1,
        "behind": 1,
        "caught_up": 1,
    },
    "only_one": False,
    "title": "Buildbot: example is stuck",
    "text": "example is stuck",
}
