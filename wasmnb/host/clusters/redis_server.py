"""A scripted Redis server, for modules that call Redis through the hostcalls of Higress.

In Redis's protocol (RESP2), a command is an array of bulk strings. Replies are simple strings, errors, integers, bulk strings,
and arrays.

Reference: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from ...abi.text import decode_text, encode_text
from ...errors import UsageError
from ...messages import Request

__all__ = ["RedisError", "RedisServer", "decode_command", "encode_reply"]

_END = b"\r\n"


class RedisError(Exception):
    """Error that a command's function raises to send an error reply, such as `raise RedisError("WRONGTYPE ...")`."""


#: Maximum number of commands that a server remembers, and maximum number of their characters.
COMMANDS_KEPT, CHARACTERS_KEPT = 10_000, 64 << 20


def decode_command(data: bytes) -> list[bytes] | None:
    """Return the name and arguments of a Redis command, or None if the bytes aren't a command."""
    head, _, rest = data.partition(_END)
    if head[:1] != b"*" or not head[1:].isdigit():
        return None
    parts: list[bytes] = []
    for _ in range(int(head[1:])):
        size, _, rest = rest.partition(_END)
        if size[:1] != b"$" or not size[1:].isdigit() or len(rest) < int(size[1:]) + 2:
            return None
        parts.append(rest[: int(size[1:])])
        rest = rest[int(size[1:]) + 2 :]
    return parts or None


def encode_reply(value: Any) -> bytes:
    """Encode a Python value as a Redis reply (RESP2).

    Parameters
    ----------
    value
        None (sent as null), True (sent as "OK"), False or a number (integer), text or bytes (bulk string), a `RedisError`
        (error), or an iterable or mapping of these (array).

    Raises
    ------
    UsageError
        The value has another type.
    """
    match value:
        case None:
            return b"$-1" + _END
        case True:
            return b"+OK" + _END
        case int():
            return b":%d" % value + _END
        case float():
            return encode_reply(repr(value))
        case str() | bytes():
            data = value if isinstance(value, bytes) else encode_text(value)
            return b"$%d" % len(data) + _END + data + _END
        case RedisError():
            return b"-" + encode_text(" ".join(str(value).split()) or "ERR") + _END
        case Mapping():
            return encode_reply([part for item in value.items() for part in item])
        case Iterable():
            parts = [encode_reply(part) for part in value]
            return b"*%d" % len(parts) + _END + b"".join(parts)
    raise UsageError(
        f"The function of a RedisServer must return text, bytes, a number, a list or None, not {type(value).__name__}."
    )


class RedisServer:
    """A scripted Redis server as a cluster: `Proxy(..., clusters={"outbound|6379||redis.static": RedisServer({...})})`.

    Only modules that use the hostcalls of Higress (`proxy_redis_init`, `proxy_redis_call`) can call it. Plain Envoy doesn't
    offer these hostcalls.

    Parameters
    ----------
    commands
        Replies by command name in upper case. Instead of a reply, a value can be a function that accepts the command's
        arguments and returns the reply. Alternatively, a single function that accepts the name and arguments of any command,
        such as `fakeredis.FakeRedis().execute_command`. Arguments are `str`. A reply is text, bytes, a number, None, True
        for OK, or a list or mapping of these. A function can raise a `RedisError` to send an error reply, or a
        `ConnectionError` to close the connection.
    latency
        Virtual seconds before a reply (default 0).

    Attributes
    ----------
    commands_seen
        The last commands, as lists of `str`. At most 10,000 commands with 64 Mi characters in total are kept.
    """

    def __init__(self, commands: Mapping[str, Any] | Callable[..., Any], *, latency: float = 0.0) -> None:
        self.latency = latency
        self.commands_seen: list[list[str]] = []
        self._commands = commands
        self._characters = 0

    def reply(self, command: list[bytes]) -> bytes:
        """Return the reply to `command`, a list of the command's name and arguments, encoded as RESP2.

        Raises
        ------
        ConnectionError
            The command's function raised this error.
        """
        name, *arguments = texts = [decode_text(part) for part in command]
        self._remember(texts)
        commands = self._commands
        try:
            if not isinstance(commands, Mapping):
                return encode_reply(commands(*texts))
            value = commands.get(name.upper(), RedisError(f"ERR unknown command '{name}'"))
            return encode_reply(value(*arguments) if callable(value) else value)
        except RedisError as error:
            return encode_reply(error)

    def _remember(self, texts: list[str]) -> None:
        seen = self.commands_seen
        self._characters = sum(map(len, texts)) + (self._characters if seen else 0)
        seen.append(texts)
        while len(seen) > COMMANDS_KEPT or (self._characters > CHARACTERS_KEPT and len(seen) > 1):
            self._characters -= sum(map(len, seen.pop(0)))

    def __call__(self, _request: Request) -> NoReturn:
        """Close the connection of an HTTP request, as Redis does."""
        raise ConnectionResetError("Redis doesn't speak HTTP")
