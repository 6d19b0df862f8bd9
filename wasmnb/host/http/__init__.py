"""HTTP streams: filter manager, filter chain, buffers, header maps, local replies and timeouts.

The downstream side is in `codec`, the upstream side in `routing`. The contexts that the guest sees are in `..contexts`.
"""
