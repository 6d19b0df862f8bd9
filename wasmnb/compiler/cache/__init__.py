"""Files that are kept between processes: the cache's folders, its entries, and machine code.

The code that builds and stores runtimes and modules is in `..runtime` and `..release`.
"""
