"""Contexts: of the VM, of plugins (root contexts), of HTTP streams and of TCP connections.

They call the filter's callbacks, and hold the maps and buffers that hostcalls read and change. `..http` has the filter chain,
`..tcp` the connection, and `..vm` the VM.
"""
