"""growth: keeps what every connection has sent; only those that say goodbye are forgotten."""

OPEN = {}


class Sessions(TcpContext):
    def on_new_connection(self):
        OPEN[self.context_id] = []

    def on_downstream_data(self, data_size, end_of_stream):
        data = bytes(self.downstream_data)
        OPEN[self.context_id].append([data] * 200)
        if data.startswith(b"QUIT"):
            OPEN[self.context_id] = []
