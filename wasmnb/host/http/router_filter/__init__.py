"""The router, the last filter of a request's chain: upstream requests, their timeouts and resets, and retries.

`..route_table` chooses the route, and `...clusters` has the upstreams.
"""
