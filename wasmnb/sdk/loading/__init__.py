"""From source text to filter classes: parts, local modules, callbacks and exports, and errors of loading.

Calls into the loaded classes are in `..dispatch`.
"""
