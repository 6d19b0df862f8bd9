"""Foreign functions, which proxies register in addition to the ABI: those of Envoy (CEL, signatures, compression, DNS), and those
that a test registers, in `own_functions`.

The hostcall that finds them by name is in `..hostcalls`, and the attributes that expressions read are in `..properties`.
"""
