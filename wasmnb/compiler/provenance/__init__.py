"""Provenance of modules: reproducible builds, and a record in each module of the inputs that it was built from.

The modules are built in `..runtime_build` and `..release`.
"""
