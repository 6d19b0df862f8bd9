"""The interpreter for cold code, which is code that filters rarely execute.

Functions are translated to register code, which is executed by handlers inside the module.

The profiles in `..profile` determine which code is cold.
"""
