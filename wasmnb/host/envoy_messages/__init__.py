"""Fields of the messages of Envoy's API, and checks of field names and types in files and in arguments of a proxy.

The messages are read in `..http.route_table.reader` and `..http.connection_manager.manager`.
"""
