"""Readers of recordings: one module for each file format, and functions that several readers share.

The selection of the reader for a file is in `file_formats`, in the folder above.
"""
