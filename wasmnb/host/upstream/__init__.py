"""Upstreams that answer requests and callouts: clusters and gRPC servers.

The way from a stream to its cluster is in `..http.router`.
"""
