"""Release modules, which are modules for production that start fast and are small.

Code that filters execute often is compiled, and all other code is interpreted inside the module. `docs/release-modules.md`
describes the format. Full modules are built by `..source_filter`.
"""
