"""Configuration of VMs and plugins: bytes, JSON, and checked dataclasses.

Contexts that hold it are in `..contexts`.
"""
