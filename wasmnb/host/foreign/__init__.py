"""Foreign functions that Envoy registers outside the ABI: CEL, signatures, compression, DNS.

The hostcall that finds them by name is in `..hostcalls`; attributes that expressions read are in `..properties`.
"""
