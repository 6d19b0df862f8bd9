"""VMs, which are instances of a module on one thread, with their memory, imports, callbacks and failures.

Contexts are in `..contexts`, the registry of a proxy's VMs is in `..plugins`, and the hostcalls that modules import are in
`..hostcalls`.
"""
