"""Messages of Envoy's API as mappings: their fields, and the check of names and types, for files and for arguments of a proxy.

`..http.routing.reader` and `..http.connection.manager` read the messages.
"""
