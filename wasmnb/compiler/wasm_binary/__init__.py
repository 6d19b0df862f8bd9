"""Reading, linking, relocation and inspection of WebAssembly modules as bytes, and embedding of sources in them.

Modules are run by `wasmnb.engine`.
"""
