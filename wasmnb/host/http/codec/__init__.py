"""The downstream side of a stream: codec, request decoder and response encoder.

`..connection` has the connection manager. The upstream side, in `..router`, uses the codec as well.
"""
