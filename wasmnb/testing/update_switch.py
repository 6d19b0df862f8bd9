"""Name of the environment variable with which snapshots are written instead of compared.

The constant is in a separate module, because the pytest plugin imports it in every session, and `snapshots` is rarely imported.
"""

__all__ = ["SWITCH"]

SWITCH = "WASMNB_UPDATE"
