"""Routes: the route table, matching, the changes that a route makes to messages, and its retry policy.

Requests are sent to the chosen cluster in `..router_filter`.
"""
