"""Simulated clients of a proxy, which send requests over HTTP and TCP connections.

The proxy's side of these connections is in `..http` and `..tcp`.
"""
