"""The downstream side of a stream: codec, request decoder and response encoder.

The connection manager is in `..connection`. The codec also serves the upstream side, whose requests are in `..router`.
"""
