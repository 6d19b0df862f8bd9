"""Foreign functions that Envoy registers in addition to the ABI: CEL, signatures, compression, DNS.

The hostcall that finds them by name is in `..hostcalls`, and the attributes that expressions read are in `..properties`.
"""
