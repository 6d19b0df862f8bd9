"""Callouts of filters to clusters, HTTP and gRPC, and the record of each.

The clusters that respond are in `..upstream`; the hostcalls that start callouts are in `..hostcalls`.
"""
