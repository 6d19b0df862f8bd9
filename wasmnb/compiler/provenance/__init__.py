"""Provenance of modules: reproducible builds, and the record of its inputs that a module contains.

The modules are built in `..runtime_build` and `..release`.
"""
