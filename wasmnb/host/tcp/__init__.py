"""TCP connections through network filters, and their upstream connections.

The contexts that the guest sees are in `..contexts`.
"""
