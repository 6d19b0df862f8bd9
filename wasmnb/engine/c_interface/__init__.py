"""wasmtime's C API: the functions that the engine calls, and owners of the objects that they create."""

from .functions import EPOCH_CALLBACK, HOST_CALLBACK, C
from .objects import CObject

__all__ = ["EPOCH_CALLBACK", "HOST_CALLBACK", "C", "CObject"]
