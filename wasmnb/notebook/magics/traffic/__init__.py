"""Magics that send many requests: generated load, recordings, and comparisons of two builds.

`%wasmcurl` and `%wasmtcp`, which send a single request or open a single connection, are in the parent folder, `..`.
"""
