"""VMs: instances of a module on one thread, their memory, imports, callbacks and failures.

`..contexts` has the contexts, `..plugins` the registry that decides which VMs a proxy has, and `..hostcalls` the hostcalls that
modules import, which a VM gets through its `ServerContext`.
"""
