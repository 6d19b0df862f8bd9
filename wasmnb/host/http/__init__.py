"""HTTP streams: filter manager, filter chain, buffers, header maps, local replies and timeouts.

The downstream side is in `connection_manager` and `codec`, the upstream side in `route_table` and `router_filter`. The filters'
contexts are in `..contexts`.
"""
