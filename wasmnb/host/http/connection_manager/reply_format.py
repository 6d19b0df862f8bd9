"""`local_reply_config`, which changes the status, body and headers of local replies.

In Envoy 1.40, the first mapper whose filter matches changes status, body and headers. The body is written in the format of the
mapper or, if it has none, in the common format, even if the response had no body. Local responses of filters are changed in the
same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..header_map import HeaderMap
from ..local_reply import ReplyContent
from ..route_table.formatter import BodyFormat, Facts, SubstitutionFormat, data_source
from ..route_table.matchers import HeaderMatcher
from ..route_table.mutations import Addition, change

__all__ = ["rewrite"]

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "EQ": lambda a, b: a == b,
    "GE": lambda a, b: a >= b,
    "LE": lambda a, b: a <= b,
    "NE": lambda a, b: a != b,
}


def rewrite(config: Mapping[str, Any], reply: ReplyContent, headers: HeaderMap, facts: Facts) -> ReplyContent:
    """Return the changed content of a local reply, and add the headers of the matching mapper to `headers`."""
    facts = replace(facts, body=reply.body)
    facts.info.code = reply.status
    form = config.get("body_format")
    for mapper in config.get("mappers") or ():
        if not _matches(mapper.get("filter") or {}, facts):
            continue
        body = data_source(mapper["body"]) if mapper.get("body") else None
        status = int(mapper.get("status_code", reply.status))
        reply = reply._replace(status=status, body=reply.body if body is None else body)
        facts = replace(facts, body=reply.body)
        facts.info.code = status
        change(headers, facts, (), [Addition.of(addition) for addition in mapper.get("headers_to_add") or ()])
        form = mapper.get("body_format_override", form)
        break
    return reply if form is None else _formatted(BodyFormat.of(form), reply, facts)


def _formatted(form: BodyFormat, reply: ReplyContent, facts: Facts) -> ReplyContent:
    return reply._replace(body=form(facts), content_type=form.content_type)


def _matches(config: Mapping[str, Any], facts: Facts) -> bool:
    for name, test in _FILTERS.items():
        if name in config:
            return test(config[name], facts)
    return False


def _status(config: Mapping[str, Any], facts: Facts) -> bool:
    comparison = config.get("comparison") or {}
    compare = _COMPARE[str(comparison.get("op", "EQ"))]
    return compare(facts.info.code or 0, int((comparison.get("value") or {}).get("default_value", 0)))


def _flag(config: Mapping[str, Any], facts: Facts) -> bool:
    present = SubstitutionFormat("%RESPONSE_FLAGS%")(facts).decode().split(",")
    flags = config.get("flags") or ()
    return any(flag in present for flag in flags) if flags else present != ["-"]


def _header(config: Mapping[str, Any], facts: Facts) -> bool:
    return facts.request is not None and HeaderMatcher(config.get("header") or {})(facts.request)


_FILTERS: dict[str, Callable[[Mapping[str, Any], Facts], bool]] = {
    "status_code_filter": _status,
    "response_flag_filter": _flag,
    "header_filter": _header,
    "not_health_check_filter": lambda _config, _facts: True,
    "and_filter": lambda c, f: all(_matches(inner, f) for inner in c.get("filters") or ()),
    "or_filter": lambda c, f: any(_matches(inner, f) for inner in c.get("filters") or ()),
}
