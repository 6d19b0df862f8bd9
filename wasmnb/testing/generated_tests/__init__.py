"""Generation of pytest code: `write_test`, which converts exchanges of a proxy to a test, and helpers for all generated tests.

The writer of tests for faults found by the fuzzer is in `wasmnb.testing.fuzzing`.
"""
