"""A filter's source, and the resolution of its imports.

`..collect` converts classes in notebook cells to source.
"""
