"""Convert the values of `--config` and `--vm-config` to bytes. A value is text, `@file` or a variable of the notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.abi.text import encode_text
from wasmnb.traffic.curl import read_at

__all__ = ["configuration"]


def configuration(shell: Any, flag: str, value: str | bytes | None) -> bytes | None:
    """Return the configuration that the value of a flag refers to.

    Parameters
    ----------
    shell
        The IPython shell, whose variables can be used.
    flag
        Name of the flag, used in error messages.
    value
        The text itself, `@file` for the contents of a file, or `$name` or `name` for the value of a variable. Values other than
        text and bytes are written as JSON. The panel passes bytes, which are used unchanged.

    Raises
    ------
    IPython.core.error.UsageError
        The variable doesn't exist, or the value begins like JSON but isn't valid JSON.
    """
    if not isinstance(value, str):
        return value
    name = value.removeprefix("$")
    if value.startswith("@"):
        data = read_at(value)
    elif name.isidentifier() and name in shell.user_ns and not _is_json(value):
        data = _encoded(flag, name, shell.user_ns[name])
    elif value.startswith("$") and name.isidentifier():
        raise MagicUsageError(
            f"{flag} {value}: the variable {name} is not defined. Run the cell that defines it first."
        )
    else:
        data = encode_text(value)
    _check(flag, data)
    return data


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _encoded(flag: str, name: str, value: Any) -> bytes:
    """Return the value of a variable as bytes. Text and bytes are kept, and other values are written as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return encode_text(value)
    try:
        return json.dumps(dict(value) if isinstance(value, Mapping) else value).encode()
    except (TypeError, ValueError) as error:
        raise MagicUsageError(
            f"{flag} {name}: the variable's value can't be written as JSON: {error}. Use dicts, lists, text and numbers."
        ) from None


def _check(flag: str, data: bytes) -> None:
    """Raise an error if a configuration begins like JSON but isn't valid JSON. Other text is allowed."""
    text = data.decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[")):
        return
    try:
        json.loads(text)
    except ValueError as error:
        hint = (
            ' Use single quotes around the value and double quotes inside: \'{"key": "value"}\'.'
            if "'" in text or '"' not in text
            else ""
        )
        raise MagicUsageError(f"{flag} is not JSON: {error}.{hint}") from None
    except RecursionError:
        raise MagicUsageError(
            f"The JSON in {flag} is nested too deeply. Use fewer levels of lists and objects."
        ) from None
