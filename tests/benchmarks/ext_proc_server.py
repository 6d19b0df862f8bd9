"""An external processor (ext_proc) in Python with the behaviour of the measured filter: read one header, set two.

    python -m tests.benchmarks.ext_proc_server [threads]        # prints its port on 127.0.0.1

By default it uses asyncio, which is faster for gRPC in Python; with `threads`, a thread pool as in gRPC's tutorials.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from envoy.service.ext_proc.v3 import external_processor_pb2_grpc as service


def _set(name: str, value: bytes) -> pb.HeadersResponse:
    option = base_pb2.HeaderValueOption(header=base_pb2.HeaderValue(key=name, raw_value=value))
    return pb.HeadersResponse(
        response=pb.CommonResponse(header_mutation=pb.HeaderMutation(set_headers=[option]))
    )


def respond(message: pb.ProcessingRequest) -> pb.ProcessingResponse:
    if message.HasField("request_headers"):
        headers = message.request_headers.headers.headers
        agent = next((h.raw_value for h in headers if h.key == "user-agent"), b"")
        return pb.ProcessingResponse(request_headers=_set("x-agent", agent))
    return pb.ProcessingResponse(response_headers=_set("x-filter", b"ext_proc"))


class AsyncProcessor(service.ExternalProcessorServicer):
    async def Process(self, requests, context):
        async for message in requests:
            yield respond(message)


class ThreadProcessor(service.ExternalProcessorServicer):
    def Process(self, requests, context):
        for message in requests:
            yield respond(message)


async def on_asyncio() -> None:
    server = grpc.aio.server()
    service.add_ExternalProcessorServicer_to_server(AsyncProcessor(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


def on_threads() -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=32))
    service.add_ExternalProcessorServicer_to_server(ThreadProcessor(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1:] == ["threads"]:
        on_threads()
    else:
        asyncio.run(on_asyncio())
