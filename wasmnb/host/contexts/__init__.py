"""Contexts as the guest knows them by number: root, HTTP and TCP, and the facts of their streams.

The streams themselves are in `..http` and `..tcp`.
"""
