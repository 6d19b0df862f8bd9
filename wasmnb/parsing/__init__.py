"""Readers and writers of general formats: protobuf, YAML with lines, WebAssembly's binary format, HTTP/1 headers, tracebacks,
and patterns of random values.

The functions have no side effects and don't interpret the data. Formats of the ABI are in `wasmnb.abi`.
"""
