"""The interpreter for cold code: translation of functions to register code, and the handlers that run inside the module.

Which code is cold is determined by `..profile`.
"""
