"""TCP connections through network filters, and their upstream connections.

The contexts of the guest are in `..contexts`.
"""
