"""Envoy's configuration as data, written and read: bootstrap, plugins, routes and clusters.

Processes are started by `..process`, not here, except for the validation of a file.
"""
