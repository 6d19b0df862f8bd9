"""TCP connections through network filters, and their upstream connections.

The contexts of filters are in `..contexts`.
"""
