"""Fields of Envoy's messages and their types.

A type is the name of a message or enumeration, or one of the following. `[type]` is a list.

| type | value |
| --- | --- |
| text, bool, uint, int | the plain value; `uint` has 32 bits, `int` has 64 |
| duration | text such as `1.5s`, or a number of seconds |
| regex, address | text with this meaning |
| mapping | a message whose fields aren't checked, because nothing reads them or any fields are valid |
| per filter | a mapping from names of filters to the messages that configure them |
| any | anything |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...parsing.field_names import declared_name
from .manager_messages import MANAGER_ENUMERATIONS, MANAGER_MESSAGES
from .route_messages import ROUTE_ENUMERATIONS, ROUTE_MESSAGES

__all__ = ["ENUMERATIONS", "FIELDS", "REQUIRED", "suggestion"]

#: Types of fields by message and field name.
FIELDS: Mapping[str, Mapping[str, str]] = {
    message: {name: kind for kind, names in types.items() for name in names.split()}
    for message, types in {**ROUTE_MESSAGES, **MANAGER_MESSAGES}.items()
}

#: Values of enumerations, in the order of their numbers from 0.
ENUMERATIONS: Mapping[str, list[str]] = {
    name: values.split() for name, values in {**ROUTE_ENUMERATIONS, **MANAGER_ENUMERATIONS}.items()
}

#: Required fields by message.
REQUIRED: Mapping[str, str] = {
    "CidrRange": "address_prefix",
    "CookieMatcher": "name",
    "HeaderFilter": "header",
    "HeaderMatcher": "name",
    "ManagerUpgradeConfig": "upgrade_type",
    "QueryParameterMatcher": "name",
    "RegexMatchAndSubstitute": "pattern",
    "RegexMatcher": "regex",
    "ResetHeader": "name",
    "UpgradeConfig": "upgrade_type",
}


def suggestion(message: str, name: str) -> str:
    """Return the field that the user probably meant.

    Parameters
    ----------
    message
        Name of the message in which the field isn't defined.
    name
        Name of the field as written by the user.

    Returns
    -------
    str
        A field of the message, or `outer.inner` for a field of a message inside it. Empty if no name is similar.
    """
    from difflib import get_close_matches

    own = FIELDS[message]
    words = declared_name(name)
    inner = {field: outer for outer, kind in own.items() for field in FIELDS.get(kind, ())}
    longer = [field for field in own if field.startswith(f"{words}_")]
    known: Iterable[Iterable[str]] = (
        (words,),
        longer,
        get_close_matches(words, own, 1),
        get_close_matches(words, inner, 1),
    )
    for candidates in known:
        for field in candidates:
            if field in own:
                return field
            if field in inner:
                return f"{inner[field]}.{field}"
    return ""
