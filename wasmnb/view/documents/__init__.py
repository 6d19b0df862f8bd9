"""Documents of all objects that can be shown, one module for each kind.

They define content and order; formatting belongs to `..render`.
"""
