"""Readers and writers of general formats: protobuf, YAML with line numbers, LEB128 and sections of WebAssembly, HTTP/1 header
blocks.

They are pure functions over bytes and text, used by all floors. What the data means is decided by the callers, and the ABI's
own formats are in `wasmnb.abi`.
"""
