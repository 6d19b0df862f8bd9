"""Comparison of the simulated proxy with the real Envoy: replay of traffic, compared fields, and reasons why fields differ.

The entry point is `wasmnb.envoy.comparison.compare`. Two builds of a filter are compared by `wasmnb.traffic.build_diff`.
"""
