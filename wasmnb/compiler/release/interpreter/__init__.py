"""The interpreter for cold code: the translation to register code, and the handlers that run inside the module.

Which code is cold is decided in `..profile`.
"""
