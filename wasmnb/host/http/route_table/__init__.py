"""Routes: the route table, matching, the changes that a route makes to messages, and its retry policy.

The package `..router_filter` sends requests along the routes.
"""
