"""TCP connections through network filters.

The contexts that the guest sees are in `..contexts`.
"""
