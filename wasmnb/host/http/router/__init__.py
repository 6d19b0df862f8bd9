"""The router, the last filter of a request's chain: upstream requests, their timeouts and resets, and retries.

The choice of a route is in `..routing`, the upstreams themselves are in `...upstream`.
"""
