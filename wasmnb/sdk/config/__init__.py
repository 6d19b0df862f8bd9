"""Configuration of VMs and plugins: bytes, JSON, and checked dataclasses.

The contexts that have it are in `wasmnb.sdk.contexts`.
"""
