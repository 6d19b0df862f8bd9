"""The router, which is the last filter of a request's chain: upstream requests, their timeouts and resets, and retries.

The route is chosen in `..route_table`, and the upstreams are in `...clusters`.
"""
