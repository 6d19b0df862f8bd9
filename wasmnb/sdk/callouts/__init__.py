"""HTTP calls, gRPC calls and gRPC streams that a filter makes to clusters.

The tasks that await them are in `wasmnb.sdk.tasks`.
"""
