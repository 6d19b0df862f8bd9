"""Plugins and their VMs, from start through updates and drains to shutdown.

A plugin is a filter with its configuration. Code of the VMs is in `..vm`, and code of the contexts inside them in `..contexts`.
"""
