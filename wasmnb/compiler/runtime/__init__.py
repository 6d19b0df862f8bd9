"""Runtimes: componentize-py's input and output, probes, and the caches on disk.

Changes to WebAssembly itself are in `..wasm`.
"""
