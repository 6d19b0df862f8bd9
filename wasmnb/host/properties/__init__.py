"""Properties: attributes of streams and nodes by path, and filter state.

`..hostcalls` has the hostcalls that read and set them, and `..contexts.stream_info` the facts that attributes show.
"""
