"""`wasmnb runtime build|list|clear`: manage the cached runtimes."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from wasmnb.notebook.progress import TerminalProgress
from wasmnb.view.render.document import Column, Document, Row, Table, TextSpan, inline
from wasmnb.view.render.text import to_text
from wasmnb.view.render.units import plural, size

__all__ = ["build", "clear", "list"]

#: A filter that imports only the SDK. Most filters share its runtime.
_PLAIN = "from wasmnb.sdk import HttpContext\nclass Filter(HttpContext):\n    pass\n"


def build(options: Namespace) -> int:
    """Build the runtime for the filter in `--for`. By default, build the runtime of filters without further imports."""
    from wasmnb.compiler import Filter

    started = time.monotonic()
    with TerminalProgress() as progress:
        progress.verdict = ""  # this function prints the last line itself
        if options.source:
            filter_ = Filter.from_file(options.source, progress=progress)
        else:
            filter_ = Filter.from_source(_PLAIN, "plain", progress=progress)
    verdict = "built" if progress.used else "found in the cache"
    print(f"runtime {filter_.info.runtime[:12]} {verdict} in {time.monotonic() - started:.1f} s")
    return 0


def _folder_size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def list(_options: Namespace) -> int:  # noqa: A001 -- the verb's name
    """Print a table of the cached runtimes, and the size of the cached machine code."""
    from wasmnb.compiler.cache.machine_code import kept_compiled
    from wasmnb.compiler.cache.runtimes import Cache

    cache = Cache()
    rows = []
    for key in cache.names():
        entry = cache.find(key, use=False)  # listing a runtime doesn't count as using it
        facts = entry.manifest if entry is not None else {}
        built = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["built"])) if "built" in facts else "damaged"
        extra = ", ".join(dict.fromkeys([*facts.get("packages", ()), *facts.get("modules", ())])) or "-"
        total = size(_folder_size(cache.folder / key))
        rows.append(Row(tuple(inline(TextSpan(text)) for text in (key[:12], built, total, extra))))
    columns = (Column("runtime"), Column("built"), Column("size", "right"), Column("additional modules"))
    print(cache.folder)
    print(to_text(Document((Table(columns, tuple(rows)),))) if rows else "No runtimes.")
    modules = kept_compiled()
    if modules:
        bytes_kept = sum(file.stat().st_size for file in modules)
        print(f"Machine code of {plural(len(modules), 'module')}, {size(bytes_kept)}.")
    return 0


def clear(_options: Namespace) -> int:
    """Remove all cached runtimes, and the cached machine code of modules from other toolchains."""
    from wasmnb.compiler.cache.machine_code import clear_compiled, kept_compiled
    from wasmnb.compiler.cache.runtimes import Cache

    cache, modules = Cache(), kept_compiled()
    keys = cache.names()
    freed = sum(_folder_size(cache.folder / key) for key in keys) + sum(file.stat().st_size for file in modules)
    for key in keys:
        cache.remove(key)
    clear_compiled()
    removed = plural(len(keys), "runtime") + (f" and the code of {plural(len(modules), 'module')}" if modules else "")
    print(f"Removed {removed} from {cache.folder.parent}; {size(freed)} freed")
    return 0
