"""The cost of starting Envoy with a plugin: predicted from the module, or measured if Envoy is installed.

The cost of requests is the subject of `wasmnb.traffic.profiling`.
"""
