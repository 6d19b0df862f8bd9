"""Assembly of release modules: compiled and interpreted functions, the memory of the loaded filter, and the late start.

Functions are split here into a compiled and an interpreted part. `..profile` determines which code is compiled, and
`..interpreter` executes the rest.
"""
