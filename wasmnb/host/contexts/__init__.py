"""Contexts of the guest: the VM's, root contexts of plugins, HTTP streams and TCP connections.

They call the guest's callbacks and hold what hostcalls read and change; the filter chain is in `..http`, the connection
in `..tcp`, and the VM in `..vm`.
"""
