"""Properties: paths, attributes of streams and nodes, and filter state.

The hostcalls that read them are in `..hostcalls`.
"""
