"""Conversion of values in a notebook to source text, and detection of values that can't be copied."""

from __future__ import annotations

import asyncio
import io
import math
import socket
import subprocess
import threading
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

__all__ = ["literal", "obstacle"]

_PLAIN = (type(None), bool, int, str, bytes, type(...))

#: Types whose values depend on this process, and the noun for them in error messages.
_PROCESS_BOUND: tuple[tuple[tuple[type[Any], ...], str], ...] = (
    ((io.FileIO, io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom), "an open file"),
    ((socket.socket,), "a socket"),
    ((subprocess.Popen,), "a process"),
    ((threading.Thread,), "a thread"),
    ((type(threading.Lock()), type(threading.RLock()), threading.Condition), "a lock"),
    ((asyncio.AbstractEventLoop, asyncio.Future), "a task of this notebook's event loop"),
    ((GeneratorType, AsyncGeneratorType, CoroutineType), "a running generator or coroutine"),
)


def literal(value: Any) -> str | None:
    """Return a Python expression for a value, or None if the value isn't a number, text, bytes, or a container of these."""
    try:
        return _literal(value, frozenset())
    except RecursionError:
        return None


def _literal(value: Any, outer: frozenset[int]) -> str | None:
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is complex and math.isfinite(value.real) and math.isfinite(value.imag):
        return repr(value)
    if kind not in (tuple, list, set, frozenset, dict) or id(value) in outer:
        return None
    outer |= {id(value)}
    members = [m for item in value.items() for m in item] if kind is dict else list(value)
    texts = [_literal(m, outer) for m in members]
    return None if None in texts else _container(kind, [t or "" for t in texts])


def _container(kind: type, texts: list[str]) -> str:
    if kind is dict:
        return "{" + ", ".join(f"{k}: {v}" for k, v in zip(texts[::2], texts[1::2], strict=True)) + "}"
    inside = ", ".join(texts)
    if kind is list:
        return f"[{inside}]"
    if kind is tuple:
        return f"({inside},)" if texts else "()"
    return f"{kind.__name__}([{inside}])"


def obstacle(value: Any) -> str:
    """Return a noun phrase for error messages if a value can't be stored in a module, otherwise ''."""
    value = getattr(value, "context_class", None) or value
    for kinds, noun in _PROCESS_BOUND:
        if isinstance(value, kinds):
            return noun
    kind = type(value)
    if kind.__module__.startswith("wasmnb.") and not kind.__module__.startswith(("wasmnb.sdk.", "wasmnb.abi.")):
        return f"a {kind.__name__} of this notebook"
    return ""
