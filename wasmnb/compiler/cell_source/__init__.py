"""Conversion of a class in a notebook cell to source text, which contains the class and all names and values that it uses.

Imports in this source are resolved by `..dependencies`.
"""
