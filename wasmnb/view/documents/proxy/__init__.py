"""Documents about a proxy: overview, context tree, log, trace, shared and Python state.

Single messages are in `..traffic`.
"""
