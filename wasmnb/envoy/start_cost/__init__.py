"""Costs of a plugin at Envoy's start: predicted from the module, and measured where Envoy is installed.

Costs of requests belong to `traffic.profiling`.
"""
