"""WebAssembly modules as bytes: they are read, linked, relocated and inspected here, and sources are embedded into them.

Modules are run by `wasmnb.engine`, not here.
"""
