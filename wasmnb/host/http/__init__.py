"""HTTP streams: filter manager, filter chain, buffers, header maps, local replies and timeouts.

`connection` and `codec` have the downstream side, `routing` and `router` the upstream side. `..contexts` has the contexts of
filters.
"""
