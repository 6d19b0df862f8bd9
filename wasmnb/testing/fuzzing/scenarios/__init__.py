"""Scenarios as values: what clients, upstreams and operators do, drawn, changed and repeated.

They are played in `..search`.
"""
