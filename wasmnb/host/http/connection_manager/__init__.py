"""Envoy's HTTP connection manager, which handles requests before the first filter and responses after the last filter.

The filters themselves are called in `..filter_chain`, and messages are decoded and encoded in `..codec`.
"""

from .manager import HttpConnectionManager

__all__ = ["HttpConnectionManager"]
