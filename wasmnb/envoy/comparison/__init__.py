"""Comparison of the simulated proxy with the real Envoy: replay of the same traffic, compared fields, and what can't be compared.

The entry is `compare` in the folder above; the comparison of two builds of a filter is in `wasmnb.traffic.compare`.
"""
