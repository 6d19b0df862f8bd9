"""Runtimes: they are built with componentize-py, cached, and used to probe filters.

WebAssembly is read and written in `..wasm_binary`, and files of the cache in `..cache`.
"""
