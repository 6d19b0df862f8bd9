"""Contexts of VMs, plugins (root contexts), HTTP streams and TCP connections.

Contexts call the filter's callbacks, and store the maps and buffers that hostcalls read and change. The filter chain is in
`..http`, TCP connections are in `..tcp`, and VMs in `..vm`.
"""
