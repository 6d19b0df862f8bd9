"""VMs: instances of a module on one thread, their memory, imports, callbacks and failures.

Contexts are in `..contexts`; the registry, which decides how many VMs a proxy has, is in `..plugins`; the hostcalls that
modules import are in `..hostcalls` and reach a VM through its `ServerContext`.
"""
