"""Plugins, the VMs that they share, and their life from start to shutdown.

What happens inside a VM is in `..vm`.
"""
