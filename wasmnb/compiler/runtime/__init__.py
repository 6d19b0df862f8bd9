"""Runtimes: componentize-py's input and output, and probes.

Changes to WebAssembly itself are in `..wasm`, files on the disk in `..cache`.
"""
