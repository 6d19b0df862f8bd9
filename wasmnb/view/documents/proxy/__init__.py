"""Documents about a proxy: overview, context tree, log, trace, shared and Python state.

Exchanges belong to `..traffic`.
"""
