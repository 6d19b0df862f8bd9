"""How objects of the host show themselves."""

from .._display import NEWLINES, Shown, visible

__all__ = ["NEWLINES", "Shown", "visible"]
