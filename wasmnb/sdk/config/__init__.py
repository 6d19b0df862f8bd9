"""Parsing of VM and plugin configurations: as JSON, and as dataclasses whose fields are checked.

The contexts whose attribute `config` uses these parsers are in `wasmnb.sdk.contexts`.
"""
