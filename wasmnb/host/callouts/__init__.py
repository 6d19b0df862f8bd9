"""Callouts of filters to clusters over HTTP, gRPC and Redis, and the records of callouts.

Clusters that respond to them are in `..clusters`, and hostcalls that start them are in `..hostcalls`.
"""
