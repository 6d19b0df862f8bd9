"""The glue: WebAssembly text that connects Envoy with the component, most of which is generated from the ABI table.

The module `introspection` calls the glue's introspection export from outside the module. The linker, in `..wasm_binary`, merges
the glue with the component. The Python code that runs in the component is in `..guest_code` and `wasmnb.sdk`.
"""

from .cpython import C_API
from .introspection import INTROSPECTION
from .module_text import (
    COPY_ARCHIVE,
    FINISHED,
    GLUE_PAGES,
    ON_DELETE_IN_PYTHON,
    REPORT,
    VERSION,
    WIT_INTERFACE,
    WORLD_EXPORTS,
    glue_text,
)

__all__ = [
    "COPY_ARCHIVE",
    "C_API",
    "FINISHED",
    "GLUE_PAGES",
    "INTROSPECTION",
    "ON_DELETE_IN_PYTHON",
    "REPORT",
    "VERSION",
    "WIT_INTERFACE",
    "WORLD_EXPORTS",
    "glue_text",
]
