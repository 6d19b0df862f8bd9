"""Envoy's HTTP connection manager: what happens to a request before the first filter, and to a response after the last."""

from .manager import HttpConnectionManager

__all__ = ["HttpConnectionManager"]
