"""Envoy's configuration as data, which is written and read here: bootstrap, plugins, routes and clusters.

Only the validation of a file starts a process; all other processes are started by `..process`.
"""
