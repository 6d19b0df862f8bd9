"""Translation of all functions of a module for the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from ....parsing.leb128 import Malformed, Reader
from ...wasm_binary.core_module import CoreModule
from ...wasm_binary.relocations import end_of_locals, instructions
from .cold_code import ColdCode, pack
from .decoder import Unsupported
from .operations import Operations
from .translator import Translation, Translator

__all__ = ["translate_module"]


def translate_module(
    module: CoreModule,
    operations: Operations,
    progress: Callable[[float], None] = lambda _fraction: None,
    unused: frozenset[int] = frozenset(),
    warm: frozenset[int] = frozenset(),
    seldom: frozenset[int] = frozenset(),
) -> ColdCode:
    """Translate all functions of a module that the interpreter can run, and compress their code.

    Parameters
    ----------
    module
        Module to translate.
    operations
        The interpreter's operations for this module.
    progress
        Called with the completed fraction from 0 to 1. By default, nothing is called.
    unused
        Functions that are never called. They are replaced by a trap (default none).
    warm, seldom
        Functions that are often interpreted, and functions that are rarely needed, but all together (default none).
    """
    return pack(_functions(module, operations, progress, unused), warm, seldom)


def _functions(
    module: CoreModule, operations: Operations, progress: Callable[[float], None], unused: frozenset[int]
) -> Iterator[tuple[int, int, Translation]]:
    imported = len(module.imported("func"))
    kinds = [module.function_type(f) for f in range(imported)] + module.functions
    signatures = [tuple(map(len, module.signature(t))) for t in range(len(module.types))]
    translator = Translator(operations, [(s[0], s[1]) for s in signatures], kinds)
    for number, (start, end) in enumerate(module.code):
        kind = module.functions[number]
        if imported + number in unused:
            yield imported + number, kind, translator.translate(kind, 0, 0, [b"\x00", b"\x0b"])
            continue
        at = end_of_locals(module.data, start, end)
        with suppress(Unsupported, Malformed):
            body = instructions(module.data, start, end)
            yield (
                imported + number,
                kind,
                translator.translate(kind, _local_count(module.data, start), at - start, list(body)),
            )
        if not number % 500:
            progress(number / len(module.code))


def _local_count(data: bytes, start: int) -> int:
    r = Reader(data, start)
    count = 0
    for _ in range(r.u32()):
        count += r.u32()
        r.byte()
    return count
