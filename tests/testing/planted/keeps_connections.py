"""growth: keeps the data of each connection, and frees it only for those that say goodbye."""

OPEN = {}


class Sessions(TcpContext):
    def on_new_connection(self):
        OPEN[self.context_id] = []

    def on_downstream_data(self, data_size, end_of_stream):
        data = bytes(self.downstream_data)
        OPEN[self.context_id].append([data] * 200)
        if data.startswith(b"QUIT"):
            OPEN[self.context_id] = []
