"""Magics for recorded traffic: replay, and the comparison of two builds.

Magics that send requests of their own are in the folder above.
"""
