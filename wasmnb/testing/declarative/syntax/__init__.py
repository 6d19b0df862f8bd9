"""Readers of test files: text protobuf, YAML, JSON and HTTP/1 headers, all into nodes with line numbers.

What the nodes mean is decided one folder up.
"""
