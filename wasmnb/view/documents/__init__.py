"""Documents, which define what is displayed for an object. There is one module for each kind of object.

Formatting documents as HTML or text is in `wasmnb.view.render`.
"""
