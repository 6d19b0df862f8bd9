"""Tests as code: what written tests have in common, and tests of exchanges that a proxy has had.

Tests of faults that the fuzzer has found are in `..fuzzing`.
"""
