"""The simulated clients of a proxy: how they send requests, over which connections, and how they disconnect.

`..http` and `..tcp` have the proxy's side.
"""
