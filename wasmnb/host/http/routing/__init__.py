"""The upstream side of a stream: routes, router and upstream requests.

The upstreams themselves are in `...upstream`.
"""
