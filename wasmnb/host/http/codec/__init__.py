"""Codecs: they check and decode the heads of HTTP/1 and HTTP/2 requests, and encode the responses.

`..connection_manager` handles decoded requests before the first filter. The upstream side, in `..router_filter`, uses the codec as well.
"""
