"""Messages of Envoy's API as mappings: their fields, and checks of names and types in files and in arguments of a proxy.

The messages are read in `..http.route_table.reader` and `..http.connection_manager.manager`.
"""
