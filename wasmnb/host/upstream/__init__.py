"""Upstreams that respond to requests and callouts: clusters and gRPC servers.

The router, which sends a stream's request to its cluster, is in `..http.router`.
"""
