"""Callouts: HTTP calls, gRPC calls and gRPC streams to clusters.

The tasks that wait for them are in `wasmnb.sdk.tasks`.
"""
