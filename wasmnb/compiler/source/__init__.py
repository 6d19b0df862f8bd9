"""A filter's source, and the origin of its imports.

Classes in cells become source in `..collect`.
"""
