"""Documents about messages: exchanges, bodies, header differences, loads, latencies, comparisons with Envoy.

State of the proxy is in `..proxy`.
"""
