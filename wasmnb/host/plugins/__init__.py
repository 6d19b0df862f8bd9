"""Plugins, their VMs, and their life: start, update, drain and shutdown.

A plugin is a filter with its configuration. VMs are in `..vm`, and the contexts of the guest in `..contexts`.
"""
