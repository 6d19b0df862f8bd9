"""Magics that send many requests: generated load, recordings, and comparisons of two builds.

`%wasmcurl` and `%wasmtcp`, which send a single request or connection, are in the folder above.
"""
