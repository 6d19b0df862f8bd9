"""Documents, which define what is displayed for an object. There is one module for each kind of object.

`wasmnb.view.render` writes documents as HTML or text.
"""
