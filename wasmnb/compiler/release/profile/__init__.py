"""Profiles of the code that filters execute. An instrumented runtime records them as blocks of functions.

`..module_assembly` uses profiles to decide which code of a release module is compiled.
"""
