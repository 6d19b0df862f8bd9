"""Callouts of filters to clusters over HTTP, gRPC and Redis, and the records of callouts.

`..clusters` has the clusters that respond, and `..hostcalls` the hostcalls that start callouts.
"""
