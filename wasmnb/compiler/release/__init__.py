"""Release modules: a compiled filter as a module that starts fast and stays small.

Code that filters execute often is compiled; the rest is interpreted inside the module. `docs/release-modules.md` describes
the format; the full module is built one folder up.
"""
