"""Assembly of release modules: compiled and interpreted parts, the packed image and the late start, written as WebAssembly.

Which code is compiled is decided in `..profile`, and how functions are divided in `..carve`.
"""
