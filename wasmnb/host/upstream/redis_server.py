"""A scripted Redis, for modules that call Redis with the hostcalls of Higress.

Facts (https://redis.io/docs/latest/develop/reference/protocol-spec/): a command is an array of bulk strings; RESP2 replies are
simple strings, errors, integers, bulk strings, and arrays.
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
    """An error reply: `raise RedisError("WRONGTYPE ...")` in a command's function."""


#: Commands that a server remembers, and their characters.
_SEEN, _CHARACTERS = 10_000, 64 << 20


def decode_command(data: bytes) -> list[bytes] | None:
    """Return the parts of a command; None if the bytes are not one."""
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
    """Return a Python value as a reply.

    Parameters
    ----------
    value
        None (a null), True ("OK"), False and numbers (integers), text and bytes (bulk strings), a `RedisError`, an iterable or
        a mapping (an array).

    Raises
    ------
    UsageError
        A value of another type.
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
    raise UsageError(f"A Redis command returns text, bytes, numbers, lists or None, not {type(value).__name__}.")


class RedisServer:
    """A Redis behind a cluster: `Proxy(..., clusters={"outbound|6379||redis.static": RedisServer({...})})`.

    Only modules with the hostcalls of Higress can call it (`proxy_redis_init`, `proxy_redis_call`): plain Envoy has no Redis
    for filters.

    Parameters
    ----------
    commands
        Command in upper case -> its reply, or a function of the command's arguments that returns it; or one function of the whole
        command, such as the `execute_command` of a client or of `fakeredis.FakeRedis()`. Arguments are `str`. A reply is text,
        bytes, a number, None, True for OK, or a list or mapping of these; a `RedisError` that is raised is an error reply, a
        `ConnectionError` breaks the connection.
    latency
        Virtual seconds before a reply (0).

    Attributes
    ----------
    commands_seen
        The commands so far, as lists of `str`: the last 10,000, with up to 64 Mi characters.
    """

    def __init__(self, commands: Mapping[str, Any] | Callable[..., Any], *, latency: float = 0.0) -> None:
        self.latency = latency
        self.commands_seen: list[list[str]] = []
        self._commands = commands
        self._characters = 0

    def reply(self, command: list[bytes]) -> bytes:
        """Return the reply to a command as it is sent.

        Raises
        ------
        ConnectionError
            The command's function raised it.
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
        while len(seen) > _SEEN or (self._characters > _CHARACTERS and len(seen) > 1):
            self._characters -= sum(map(len, seen.pop(0)))

    def __call__(self, _request: Request) -> NoReturn:
        """Refuse an HTTP request by closing the connection, as Redis does."""
        raise ConnectionResetError("Redis doesn't speak HTTP")
