"""TCP connections: the first bytes select the behaviour.

The configuration has one word for each connection, which selects the behaviour when the connection opens.
"""

from wasmnb.sdk import Action, CalloutError, PluginContext, TcpContext, log_info, sleep, timeout


class Plugin(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.kinds = self.configuration.decode().split()


class Connections(TcpContext):
    def __init__(self):
        self.seen = 0

    async def on_new_connection(self):
        kind = self.plugin.kinds.pop(0)
        if kind == "asks":
            response = await self.http_call("up2", path="/later")
            log_info("let in: %s", response.text)
        elif kind == "refuses":
            await sleep(0.02)
            self.close()
        elif kind == "fails":
            await sleep(0.02)
            raise ValueError("late")

    async def on_downstream_data(self, data_size, end_of_stream):
        data = self.downstream_data.get()
        self.seen += len(data)
        log_info("down %s %s", data, end_of_stream)
        if data.startswith(b"upper"):
            await sleep(0.03)
            self.downstream_data = self.downstream_data.get().upper()
        elif data.startswith(b"ask"):
            try:
                async with timeout(0.25):
                    response = await self.http_call("up2", path="/slow" if b"slow" in data else "/later")
            except (TimeoutError, CalloutError) as error:
                self.downstream_data = type(error).__name__
                return
            self.downstream_data.append(b" " + response.body)
        elif data.startswith(b"raise"):
            await sleep(0.02)
            raise ValueError("late")
        elif data.startswith(b"wait"):
            try:
                await sleep(60)
            finally:
                log_info("left after %d", self.seen)

    def on_upstream_data(self, data_size, end_of_stream):
        data = self.upstream_data.get()
        log_info("up %s %s", data, end_of_stream)
        if data.startswith(b"plain"):
            self.upstream_data.prepend(b"<")
            self.upstream_data.append(b">")
        return Action.CONTINUE

    def on_downstream_close(self, close_type):
        log_info("client's side closed: %s", close_type.name)

    def on_upstream_close(self, close_type):
        log_info("upstream's side closed: %s", close_type.name)

    def on_stream_done(self):
        log_info("done after %d", self.seen)
