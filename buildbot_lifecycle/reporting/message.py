"""What a message says: Jinja2, as Buildbot's own formatters do it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jinja2
import jinja2.meta
from buildbot import config
from buildbot.reporters.message import MessageFormatterBaseJinja

from buildbot_lifecycle.host.edge import as_deferred
from buildbot_lifecycle.reporting.texts import DEFAULT, EXAMPLE, SUBJECT


class LatentWorkerFormatter(MessageFormatterBaseJinja):
    """The text of a message of `LatentWorkerGenerator`.

    ``template`` and ``subject`` are Jinja2, ``template_type`` is ``plain``, ``html``, or ``json`` for
    receivers that are programs: then the body is what the template makes, which must be JSON, or without
    one what templates are given. docs/notifications has the names. A template that cannot be rendered is
    a configuration error.
    """

    compare_attrs: ClassVar[Sequence[str]] = (
        "body_text",
        "subject_text",
        "template_type",
        "context",
    )

    def __init__(
        self,
        template: str | None = None,
        subject: str | None = None,
        template_type: str = "plain",
        ctx: Any = None,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            _error(f"unknown argument {name!r}; known are ctx, subject, template, template_type")
        # Buildbot collects what is wrong: an error does not end this
        if template_type not in DEFAULT:
            _error(f"template_type must be one of {', '.join(DEFAULT)}, not {template_type!r}")
            template_type = "plain"
        if ctx is not None and not isinstance(ctx, Mapping):
            _error(f"ctx must be a dictionary, not {ctx!r}")
            ctx = None
        given = {**EXAMPLE, **(ctx or {})}
        is_json = template_type == "json"
        found = _usable("template", template, given, is_json=is_json)
        self.body_text = found or DEFAULT[template_type]
        self.subject_text = _usable("subject", subject, given) or SUBJECT
        super().__init__(
            template=self.body_text,
            subject=self.subject_text,
            template_type=template_type,
            ctx=dict(ctx or {}),
        )
        # Buildbot compares these too, and two templates of one text are not equal
        self.body_template = _template(self.body_text)
        self.subject_template = _template(self.subject_text)

    def render_message_body(self, context: Any) -> Any:
        if self.template_type != "json":
            return super().render_message_body(context)
        return json.loads(super().render_message_body(context)) if self.body_text else dict(context)

    def render_message_subject(self, context: Any) -> Any:
        # a name may have what a header must not
        return _one_line(super().render_message_subject(context))

    @as_deferred
    async def format(
        self, master: Any, said: Mapping[str, list[dict[str, Any]]], at: float
    ) -> Mapping[str, Any]:
        """The message as Buildbot's reporters take it."""
        counts = {what: len(things) for what, things in said.items()}
        context = {
            "buildbot_title": master.config.title,
            "buildbot_url": master.config.buildbotURL,
            "master": master.name,
            "at": at,
            **said,
            "counts": counts,
            "only_one": sum(counts.values()) == 1,
        }
        # for templates that put the usual text somewhere else
        context["title"] = _one_line(_template(SUBJECT).render(context))
        context["text"] = _template(DEFAULT["plain"]).render(context)
        message: Mapping[str, Any] = await self.render_message_dict(master, context)
        return message


def _one_line(text: str) -> str:
    return " ".join(text.split())


@functools.lru_cache(maxsize=64)
def _template(text: str) -> jinja2.Template:
    template: jinja2.Template = jinja2.Template(text)
    return template


def _usable(name: str, text: Any, given: Mapping[str, Any], *, is_json: bool = False) -> str | None:
    """The template, if it can be rendered with an example and asks for nothing that there is not."""
    if text is None:
        return None
    wrong: str | None = f"must be a text, not {text!r}"
    if isinstance(text, str):
        wrong = _wrong(text, given, is_json)
    if wrong is not None:
        _error(f"{name} {wrong}")
        return None
    return str(text)


def _wrong(text: str, given: Mapping[str, Any], is_json: bool) -> str | None:
    try:
        strict = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - as Buildbot's
        unknown = jinja2.meta.find_undeclared_variables(strict.parse(text)) - {*given}
        if unknown:
            known = ", ".join(sorted(given))
            return f"uses {', '.join(sorted(unknown))}, which it is not given; known: {known}"
        made = strict.from_string(text).render(given)
        if is_json and not isinstance(json.loads(made), (dict, list)):
            return "must make an object or a list of JSON"
    except json.JSONDecodeError as error:
        return f"makes no JSON: {error}; put names in by {{{{ name | tojson }}}}"
    except jinja2.TemplateSyntaxError as error:
        return f"is no template of Jinja2: line {error.lineno}: {error.message}"
    except Exception as error:
        return f"cannot be rendered: {type(error).__name__}: {error}"
    return None


def _error(text: str) -> None:
    config.error(f"LatentWorkerFormatter: {text}")
