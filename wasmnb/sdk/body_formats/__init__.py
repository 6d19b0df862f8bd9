"""Decoders for the contents of bodies: text, gzip and deflate, lines, server-sent events and JSON-RPC messages.

Bodies themselves, as buffers of the proxy, are in `wasmnb.sdk.messages.bodies`.
"""
