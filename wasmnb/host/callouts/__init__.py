"""Callouts to clusters, HTTP and gRPC, and the record that is kept of each.

The clusters that answer are in `..upstream`.
"""
