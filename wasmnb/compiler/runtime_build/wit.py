"""The WIT world of the component. The world is used only for the start, because callbacks and hostcalls bypass it
(`glue/cpython.py`).
"""

from __future__ import annotations

from ..glue import WIT_INTERFACE, WORLD_EXPORTS

__all__ = ["WORLD", "world_text"]

#: Name of the world.
WORLD = "filter"

#: Imports of the app, which are implemented in `glue/journal.wat` and `glue/cpython.py`.
_IMPORTS = """
  /// Append the built-in functions to the list at this address: the glue's own, then the hostcalls in the table's order.
  natives: func(target: u32);
  /// Register the address of the method that serves a callback, by the callback's number in the table.
  bind: func(number: u32, method: u32);
  /// File name, number of the first line and text of the filter's source, with zero bytes between.
  source: func() -> list<u8>;
  /// Environment variables, each followed by a zero byte.
  environment: func() -> list<u8>;
  /// Report to the builder of the filter.
  report: func(data: list<u8>);
  /// Stop the VM.
  abort: func();"""


def world_text() -> str:
    """Return the WIT document that declares the world."""
    package, interface = WIT_INTERFACE.split("/")
    own = "\n".join(f"  export %{name}: func();" for name in WORLD_EXPORTS)
    return f"package {package};\n\ninterface {interface} {{{_IMPORTS}\n}}\n\nworld {WORLD} {{\n  import {interface};\n{own}\n}}\n"
