"""WebAssembly modules as bytes: reading, linking, relocating, inspecting, and embedding a source.

Nothing here runs a module; `wasmnb.engine` does.
"""
