"""A filter's source and where everything comes from that it imports.

Classes in cells become source in `..collect`.
"""
