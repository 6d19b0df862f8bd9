"""Readers of test files in protobuf's text format, YAML and JSON, which return nodes with line numbers.

Nodes are converted to the messages that `..suite` and `..fastedge` define.
"""
