"""The cache on disk, which is shared by processes: its folders, its entries, and machine code.

Runtimes are built in `..runtime_build`, and release modules in `..release`.
"""
