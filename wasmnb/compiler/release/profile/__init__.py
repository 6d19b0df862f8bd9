"""Profiles: which blocks of code filters execute, recorded by an instrumented runtime and stored by symbol.

The modules that result from them are written in `..assembly`.
"""
