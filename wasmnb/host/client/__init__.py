"""The client's side of a proxy: how it sends requests, over which connections, and how it leaves.

How the proxy handles a request is in `..http` and `..tcp`.
"""
