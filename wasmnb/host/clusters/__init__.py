"""Upstreams that respond to requests and callouts: clusters, gRPC servers and a Redis server.

The router, which sends requests to the clusters, is in `..http.router_filter`.
"""
