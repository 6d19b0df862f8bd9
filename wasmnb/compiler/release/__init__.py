"""Release modules: modules for production, which start fast and are small.

Code that filters execute often is compiled; the rest is interpreted inside the module. `docs/release-modules.md` describes
the format. Full modules are built in the folder above.
"""
