"""Profiles: the blocks of code that filters execute, recorded by an instrumented runtime and stored by function name.

The modules for which they are used are written in `..assembly`.
"""
