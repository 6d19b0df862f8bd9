"""How objects of the host show themselves in a notebook."""

from .._display import Shown

__all__ = ["Shown"]
