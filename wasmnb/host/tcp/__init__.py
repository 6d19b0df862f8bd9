"""TCP connections through network filters, and their upstream connections.

The filters' contexts are in `..contexts`.
"""
