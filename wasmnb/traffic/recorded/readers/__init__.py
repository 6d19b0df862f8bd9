"""Readers: one module for each file format, and parts that several of them use.

Which reader a file needs is decided in `..file_formats`.
"""
