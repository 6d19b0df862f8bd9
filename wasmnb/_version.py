"""The version of wasmnb. Other files read it from here."""

__version__ = "0.1.0"
