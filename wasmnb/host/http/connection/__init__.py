"""Envoy's HTTP connection manager: work on a request before the first filter, and on a response after the last."""

from .manager import HttpConnectionManager

__all__ = ["HttpConnectionManager"]
