"""Files that are kept between processes: the cache's folders, its entries, and machine code.

Runtimes are built in `..runtime_build`, release modules in `..release`.
"""
