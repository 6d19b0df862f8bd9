"""The search for failing scenarios: running them, classifying their outcomes, shrinking failures, and measuring memory.

Scenarios are generated in `wasmnb.testing.fuzzing.scenarios`.
"""
