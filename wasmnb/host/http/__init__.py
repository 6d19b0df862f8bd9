"""HTTP streams: filter manager, filter chain, buffers, header maps, local replies and timeouts.

The downstream side is in `connection` and `codec`, the upstream side in `routing` and `router`. The contexts of the
guest are in `..contexts`.
"""
