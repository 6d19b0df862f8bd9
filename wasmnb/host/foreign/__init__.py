"""Foreign functions that Envoy registers beside the ABI: CEL, signatures, compression, DNS.

The hostcall that finds them by name is in `..hostcalls`.
"""
