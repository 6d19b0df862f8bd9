"""Codecs, which check and decode the heads of HTTP/1 and HTTP/2 requests, and encode the responses.

Decoded requests are handled in `..connection_manager` before the first filter. The upstream side in `..router_filter` also uses
the codec.
"""
