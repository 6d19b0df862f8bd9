"""Envoy's configuration as data: bootstrap, plugins, routes and clusters, written and read.

Nothing here starts a process; `..process` does.
"""
