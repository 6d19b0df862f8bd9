"""Reading and writing of formats outside the ABI: protobuf, YAML with line numbers, LEB128 and sections of WebAssembly, header blocks of HTTP/1.

The modules are pure functions over bytes and text for all floors. The meaning of messages and files belongs to the floors
that read them; the ABI's own formats are in `wasmnb.abi`.
"""
