"""Write documents as HTML and text, and values as JSON. The theme, escaping and units are here as well.

The documents of proxies, exchanges and reports are in `wasmnb.view.documents`.
"""
