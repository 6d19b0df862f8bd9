"""Profiles: the blocks of code that filters execute. An instrumented runtime records them, and they are stored by function name.

`..module_assembly` uses profiles to write release modules.
"""
