"""The interpreter for cold code: the translation of functions to register code, and the handlers that run inside the module.

`..profile` chooses the cold code.
"""
