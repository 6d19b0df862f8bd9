"""Callouts to clusters: HTTP, gRPC calls and gRPC streams.

Waiting for their responses is in `..tasks`.
"""
