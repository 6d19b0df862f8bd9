"""Conversion of a class in a notebook cell to source text: its statements, and the values and names that it uses.

`..dependencies` follows the imports.
"""
