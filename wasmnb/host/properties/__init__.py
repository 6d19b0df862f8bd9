"""Properties: attributes of streams and nodes by path, and filter state.

Hostcalls that read and set properties are in `..hostcalls`, and the data behind attributes is in `..contexts.stream_info`.
"""
