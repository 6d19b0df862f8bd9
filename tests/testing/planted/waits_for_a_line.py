"""stuck: holds what a client has sent until a line is complete, also when nothing more can come."""


class Lines(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        if data_size and not bytes(self.downstream_data).endswith(b"\n"):
            return Action.PAUSE
        return Action.CONTINUE
