"""Messages of a stream: headers, bodies, cookies, queries and properties.

The contexts that have them are in `wasmnb.sdk.http` and `wasmnb.sdk.tcp`.
"""
