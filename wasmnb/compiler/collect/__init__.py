"""From a class in a notebook cell to source text: its statements, the values and names that it uses.

Imports are followed in `..source`.
"""
