"""Documents about exchanges and reports: messages, bodies, load, latencies, replays and comparisons.

Documents about the state of a proxy are in `wasmnb.view.documents.proxy`.
"""
