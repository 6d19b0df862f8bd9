"""The router, the last filter of a request's chain: upstream requests, their timeouts and resets, and retries.

`..routing` chooses the route, and `...upstream` has the upstreams.
"""
