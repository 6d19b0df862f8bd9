"""Foreign functions that Envoy registers outside the ABI: CEL, signatures, compression, DNS.

`..hostcalls` has the hostcall that finds them by name, and `..properties` the attributes that expressions read.
"""
