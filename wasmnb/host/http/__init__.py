"""HTTP streams: filter manager, filter chain, buffers, header maps, local replies and timeouts.

`connection_manager` and `codec` have the downstream side, `route_table` and `router_filter` the upstream side. `..contexts`
has the contexts of filters.
"""
