"""A filter's source, and the resolution of its imports to modules and packages.

Classes in notebook cells are converted to source by `..cell_source`.
"""
