"""The cost of starting Envoy with a plugin, predicted from the module or measured with an installed Envoy.

The cost of requests is measured by `wasmnb.traffic.profiling`.
"""
