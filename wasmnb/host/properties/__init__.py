"""Properties: attributes of streams and nodes by path, and filter state.

The hostcalls that read and set them are in `..hostcalls`; the facts that attributes show are in `..contexts.stream_info`.
"""
