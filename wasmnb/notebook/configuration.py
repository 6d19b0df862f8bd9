"""Values of the flags `--config` and `--vm-config`: text, `@file`, or a variable of the notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.abi.text import encode_text
from wasmnb.traffic.curl import read_at

__all__ = ["configuration"]


def configuration(shell: Any, flag: str, value: str | bytes | None) -> bytes | None:
    """Return the bytes of a flag's value.

    Parameters
    ----------
    shell
        The IPython shell, for its variables.
    flag
        Name of the flag, for errors.
    value
        Text; `@file` for the contents of a file; `$name`, or just the name of a variable of the notebook, for its value,
        as JSON unless it is text. The panel passes bytes, which are used unchanged.

    Raises
    ------
    IPython.core.error.UsageError
        There is no such variable, or the value looks like JSON and isn't.
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
            f"{flag} {value}: the notebook has no variable {name}. Run the cell that defines it first."
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
    """Return a variable's value: text and bytes unchanged, everything else as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return encode_text(value)
    try:
        return json.dumps(dict(value) if isinstance(value, Mapping) else value).encode()
    except (TypeError, ValueError) as error:
        raise MagicUsageError(f"{flag} {name}: the variable's value can't be written as JSON: {error}.") from None


def _check(flag: str, data: bytes) -> None:
    """Raise if a configuration begins like JSON and isn't JSON; other text is allowed."""
    text = data.decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[")):
        return
    try:
        json.loads(text)
    except ValueError as error:
        hint = (
            ' Put single quotes around it, and double quotes inside: \'{"key": "value"}\'.'
            if "'" in text or '"' not in text
            else ""
        )
        raise MagicUsageError(f"{flag} is not JSON: {error}.{hint}") from None
    except RecursionError:
        raise MagicUsageError(f"{flag} is nested too deeply to be JSON.") from None
