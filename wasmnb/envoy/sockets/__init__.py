"""Sockets on 127.0.0.1: HTTP and TCP clients, and the upstream servers that the real Envoy connects to.

`..proxy` decides which messages are sent. Envoy's admin interface and log are in other modules.
"""
