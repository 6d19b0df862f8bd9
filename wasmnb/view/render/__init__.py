"""From a document to HTML, text or JSON, with theme, escaping and units.

Nothing here knows the objects that are shown; `..documents` does.
"""
