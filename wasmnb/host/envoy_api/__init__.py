"""Messages of Envoy's API, given as mappings: their fields, and the check of names and types. Files and arguments of a proxy use it.

The readers of the messages are where their meaning is: `..http.routing.reader`, `..http.connection.manager`.
"""
