"""The environment variable that makes snapshots be written instead of compared.

It has a module of its own because the pytest plugin needs it at every start and the snapshots only when one is used.
"""

__all__ = ["SWITCH"]

SWITCH = "WASMNB_UPDATE"
