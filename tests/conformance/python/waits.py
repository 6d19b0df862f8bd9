"""All awaitables, one per path: `/name/...` runs the method `name`, and the header `x-result` passes its result upstream."""

from wasmnb.sdk import (
    CalloutError,
    GrpcError,
    HostcallError,
    HttpContext,
    PluginContext,
    gather,
    log_info,
    register_queue,
    sleep,
    timeout,
    wait_for,
)


class Plugin(PluginContext):
    async def on_plugin_start(self, plugin_configuration_size):
        self.jobs, self.later, self.done = map(register_queue, ("jobs", "later", "done"))
        self.cases = self.configuration.decode().split()
        if "tick" in self.cases:
            self.set_tick_period(0.7)
        if "start" in self.cases:
            await sleep(1)
            response = await self.http_call("up", path="/later")
            log_info("started with %s", response.text)
        while "queue" in self.cases:
            job = await self.jobs.get()
            await sleep(0.02)
            self.done.put(job.upper())

    async def on_tick(self):
        self.set_tick_period(0)
        response = await self.http_call("up", path="/later")
        log_info("tick: %s", response.text)

    async def on_queue_ready(self, queue_id):
        if queue_id == self.later.id:
            await sleep(0.1)  # longer than the request that sent the message, also on a busy machine
            if "failure" in self.cases:
                raise ValueError("in the plugin")
            log_info("ready: %s", self.later.drain())


class Waits(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        self.case, _, self.more = self.request.path.strip("/").partition("/")
        method = getattr(self, self.case, None)
        if method is None or self.case.startswith("response_"):
            return None
        result = await method()
        if isinstance(result, str):
            self.request_headers["x-result"] = result
            return None
        return result

    async def on_http_response_headers(self, num_headers, end_of_stream):
        if self.case.startswith("response_"):
            await getattr(self, self.case)()

    # -- callouts

    async def callout(self):
        response = await self.http_call("up", path=f"/{self.more}", timeout=0.15)
        trailers = dict(response.trailers.items())
        return f"{response.status} {response.headers.get('x-up')} {response.text} {trailers}"

    async def posted(self):
        """Answered by the chunks of a body, and with trailers."""
        response = await self.http_call(
            "up", method="POST", path="/trailers", body="asked", headers={"x-a": "b"}, trailers={"t": "v"}
        )
        return f"{response.status} {response.text} {response.trailers.items()}"

    async def refused(self):
        response = await self.http_call("up", path="/204")
        return self.send_local_response(403, f"the service says {response.status}\n")

    async def fails(self):
        try:
            await self.http_call(self.more.split("/")[0], path="/" + self.more.partition("/")[2], timeout=0.15)
        except (CalloutError, HostcallError) as error:
            return f"{type(error).__name__}: {str(error).partition('{')[0]}"

    async def together(self):
        later, slow = self.http_call("up", path="/later"), self.http_call("up", path="/slow")
        responses = await gather(self.http_call("up"), slow, later, sleep(0.01))
        return " ".join(a.text for a in responses if a)

    async def first_failure(self):
        async def lasts():
            try:
                await sleep(60)
            finally:
                log_info("ended")

        try:
            await gather(lasts(), self.http_call("up", path="/slow", timeout=0.1))
        except CalloutError as error:
            return type(error).__name__

    # -- time

    async def sleeps(self):
        await sleep(0.03)
        return "rested"

    async def too_long(self):
        try:
            async with timeout(0.1):
                await self.http_call("up", path="/slow")
        except TimeoutError as error:
            return self.send_local_response(504, str(error))

    async def waits_for(self):
        late = 0
        for what in (sleep(60), self.http_call("up", path="/slow"), self.plugin.jobs.get()):
            try:
                await wait_for(what, 0.05)
            except TimeoutError:
                late += 1
        response = await wait_for(self.http_call("up"), 5)
        return f"{late} late, {response.text}"

    # -- bodies

    async def body(self):
        body = await self.request_body()
        log_info("%s", body)
        if body == b"bad":
            return self.send_local_response(400, "bad\n")

    async def body_later(self):
        await sleep(0.02)
        body = await self.request_body()
        await sleep(0.02)
        log_info("%s", body)

    async def body_changed(self):
        self.request_headers.remove("content-length")
        body = await self.request_body()
        response = await self.http_call("up")
        self.request_body = body.upper() + response.body

    async def chunks(self):
        self.request_headers.remove("content-length")
        async for chunk in self.request_body:
            self.request_body = chunk.upper()

    async def chunks_and_waits(self):
        self.request_headers.remove("content-length")
        async for chunk in self.request_body:
            await sleep(0.02)
            self.request_body = chunk.upper() + b"."

    async def body_and_callout(self):
        body, response = await gather(self.request_body(), self.http_call("up", path="/later"))
        log_info("%s %s", body, response.text)

    # -- responses

    async def response_waits(self):
        response = await self.http_call("up", path="/later")
        self.response_headers["x-result"] = response.text

    async def response_replaced(self):
        await sleep(0.02)
        return self.send_local_response(502, "not this\n")

    async def response_body_changed(self):
        self.response_headers.remove("content-length")
        body = await self.response_body()
        await sleep(0.02)
        self.response_body = body.upper()

    async def response_chunks(self):
        async for chunk in self.response_body:
            await sleep(0.01)
            self.response_body = chunk.upper() + b"."

    async def response_raises(self):
        await sleep(0.02)
        raise ValueError("late")

    async def response_body_raises(self):
        await self.response_body()
        await sleep(0.02)
        raise ValueError("later still")

    # -- gRPC

    async def grpc(self):
        try:
            response = await self.grpc_call(
                self.more.split("/")[0], "svc", self.more.split("/")[1], b"hello", timeout=0.15
            )
        except GrpcError as error:
            return str(error)
        except HostcallError as error:
            return f"{type(error).__name__}: {error}"
        return f"{response.status.name} {response.message}"

    async def stream(self):
        async with self.grpc_stream("g", "svc", "Stream", metadata={"x-md": "1"}) as stream:
            await stream.send(b"one")
            initial = await stream.initial_metadata()
            got = [await stream.receive()]
            stream.send(b"bye")
            got += [message async for message in stream]
            trailing = await stream.trailing_metadata()
            return f"{initial.get('x-init')} {got} {trailing.get('x-trail')} {(await stream.status()).status.name}"

    async def stream_half_closed(self):
        async with self.grpc_stream("g", "svc", "Stream") as stream:
            stream.send(b"one")
            stream.send(b"two", end=True)
            return str([message async for message in stream])

    async def stream_cancelled(self):
        async with self.grpc_stream("g", "svc", "Stream") as stream:
            stream.send(b"one")
            async for message in stream:
                break
        await sleep(0.02)
        return f"{message} {stream.result.status.name}"

    async def stream_fails(self):
        got = []
        try:
            async with self.grpc_stream(self.more.split("/")[0], "svc", self.more.split("/")[1]) as stream:
                stream.send(b"hello", end=True)
                async for message in stream:
                    got.append(message)
        except GrpcError as error:
            return f"{got} {error}"

    async def stream_times_out(self):
        try:
            async with timeout(0.1), self.grpc_stream("g", "svc", "Hang") as stream:
                stream.send(b"hello")
                await stream.receive()
        except TimeoutError:
            return "timeout"

    async def stream_forever(self):
        async with self.grpc_stream("g", "svc", "Hang") as stream:
            stream.send(b"hello")
            try:
                await stream.receive()
            finally:
                log_info("left")

    # -- queues

    async def queue(self):
        jobs, done = self.plugin.jobs, self.plugin.done
        jobs.put("a")
        jobs.put("b")
        return f"{await done.get()} {await done.get()}"

    async def queue_ready(self):
        self.plugin.later.put("c")

    # -- ends

    async def forever(self):
        try:
            await sleep(3600)
        finally:
            log_info("left")

    async def calls_forever(self):
        try:
            await self.http_call("up", path="/slow")
        finally:
            log_info("left")

    async def raises(self):
        await sleep(0.02)
        raise ValueError("late")

    async def raises_at_once(self):
        raise ValueError("early")

    async def nonsense(self):
        await sleep(0.02)
        return 3.5

    async def foreign(self):
        import asyncio

        await sleep(0.02)
        await asyncio.sleep(1)

    async def late_header(self):
        await self.request_body()
        try:
            self.request_headers["x-late"] = "1"
        except HostcallError as error:
            log_info("%s %s", type(error).__name__, error.status.name)
