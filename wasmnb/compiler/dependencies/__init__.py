"""A filter's source, and the resolution of its imports.

`..cell_source` converts classes in notebook cells to source.
"""
