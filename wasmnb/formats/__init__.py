"""Formats that aren't the ABI's own: protobuf, YAML with line numbers, LEB128 numbers of WebAssembly.

Pure functions over bytes and text that every floor may use; what the messages mean is decided by the floors that read them.
"""
