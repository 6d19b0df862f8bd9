"""The provenance of modules: the same inputs give the same bytes, and a module contains a record of its inputs.

The modules are built in `..runtime_build` and `..release`.
"""
