"""wasmtime's C interface: the functions that are called, and who owns the objects that they make."""

from .functions import EPOCH_CALLBACK, HOST_CALLBACK, C
from .objects import CObject

__all__ = ["EPOCH_CALLBACK", "HOST_CALLBACK", "C", "CObject"]
