"""Envoy's configuration as data: writing and reading of bootstrap, plugins, routes and clusters.

Processes are started by `..process`, except for the one that validates a configuration file.
"""
