"""Building of runtimes with componentize-py, and probing of filters in a runtime.

WebAssembly is read and written in `..wasm_binary`, and files of the cache in `..cache`.
"""
