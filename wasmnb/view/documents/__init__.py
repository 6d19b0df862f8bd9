"""Documents, one for each kind of object that is shown.

They say what is shown and in which order; `..render` says how it looks.
"""
