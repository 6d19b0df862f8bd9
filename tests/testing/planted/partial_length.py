"""trap: reads a message's length before all of its bytes have arrived."""

import struct


class Frames(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        data = bytes(self.downstream_data)
        while data:
            (length,) = struct.unpack(">H", data[:2])
            log_info(f"a frame of {length} bytes")
            data = data[2 + length :]
