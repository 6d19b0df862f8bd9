"""Access to the parts of a stream's messages: headers, bodies, cookies, queries and properties.

The contexts through which filters use these classes are in `wasmnb.sdk.http` and `wasmnb.sdk.tcp`.
"""
