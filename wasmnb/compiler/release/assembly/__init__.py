"""Assembly of release modules: compiled and interpreted functions, the compressed memory, and the late start.

The choice of the compiled code is made in `..profile`; functions are divided in `..carve`.
"""
