"""The downstream side of a stream: codec, request decoder and response encoder.

`..connection_manager` has the connection manager. The upstream side, in `..router_filter`, uses the codec as well.
"""
