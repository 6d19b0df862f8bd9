"""Readers of test files: text protobuf, YAML, JSON and HTTP/1 headers. They return nodes with line numbers.

The messages that consist of nodes are defined in the parent folder.
"""
