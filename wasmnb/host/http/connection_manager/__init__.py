"""Envoy's HTTP connection manager: how it handles requests before the first filter and responses after the last one."""

from .manager import HttpConnectionManager

__all__ = ["HttpConnectionManager"]
