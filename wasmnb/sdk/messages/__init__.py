"""Messages of a stream: headers, bodies, cookies, queries and properties.

The contexts that own them are one folder up.
"""
