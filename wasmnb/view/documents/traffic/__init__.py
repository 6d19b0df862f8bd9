"""Documents about messages: exchanges, bodies, header differences, loads, latencies, comparisons with Envoy.

The state of a proxy belongs to `..proxy`.
"""
