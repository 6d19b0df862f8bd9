"""Plugins, their VMs, and their life: start, update, drain and shutdown.

A plugin is a filter with its configuration. What runs inside a VM is in `..vm`, what the guest sees in `..contexts`.
"""
