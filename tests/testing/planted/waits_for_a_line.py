"""stuck: keeps the bytes of a client until a line is complete, also after the client has closed its side."""


class Lines(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        if data_size and not bytes(self.downstream_data).endswith(b"\n"):
            return Action.PAUSE
        return Action.CONTINUE
