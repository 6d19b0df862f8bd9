"""Documents about a proxy: overview, start, context tree, log, trace, shared state and Python variables.

Documents about exchanges are in `wasmnb.view.documents.traffic`.
"""
