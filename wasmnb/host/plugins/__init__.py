"""Plugins and their VMs, from start through updates and drains to shutdown.

A plugin is a filter with its configuration. `..vm` has the VMs, and `..contexts` the contexts inside them.
"""
