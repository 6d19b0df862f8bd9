"""Comparison of the simulated proxy with the real Envoy: replay of the traffic, compared fields, and fields that can't be compared.

The entry point is `wasmnb.envoy.comparison.compare`; the comparison of two builds of a filter is in `wasmnb.traffic.build_diff`.
"""
