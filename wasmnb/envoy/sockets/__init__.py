"""Sockets on 127.0.0.1: HTTP and TCP clients, and upstream servers to which the real Envoy connects.

`..proxy` decides which messages are sent. Envoy's admin interface and log are read by `..admin` and `..log`.
"""
