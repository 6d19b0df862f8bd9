"""Assembly of release modules: compiled and interpreted functions, the compressed memory, and the late start.

`..profile` chooses the code that is compiled; `..function_split` divides functions.
"""
