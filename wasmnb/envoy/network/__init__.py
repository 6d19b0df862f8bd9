"""Sockets on 127.0.0.1: the HTTP/1.1 client, TCP connections, and upstreams that the real Envoy talks to.

What goes over them is decided by `..proxy`.
"""
