"""The downstream side of a stream: connection manager, codec, request decoder and response encoder.

The codec also serves the upstream side, whose streams are in `..routing`.
"""
