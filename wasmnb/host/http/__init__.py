"""HTTP streams: codec, filter chain, router, buffers, local replies and timeouts.

The contexts that the guest sees are in `..contexts`.
"""
