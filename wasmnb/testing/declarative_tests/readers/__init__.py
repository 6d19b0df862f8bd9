"""Readers of test files in protobuf's text format, YAML and JSON, which return nodes with line numbers.

The messages to which nodes are converted are defined in the parent folder.
"""
