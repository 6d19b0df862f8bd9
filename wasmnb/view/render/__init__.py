"""Rendering of documents as HTML and text, and of values as JSON, with theme, escaping and units.

This folder doesn't know the objects that are shown; `..documents` does.
"""
