"""The interpreter for cold code: the translation to register code, and the handlers that run inside the module.

The choice of the cold code is made in `..profile`.
"""
