"""One VM: a module checked, linked, instantiated and called.

Which VMs exist, and for which plugins, is decided in `..plugins`.
"""
