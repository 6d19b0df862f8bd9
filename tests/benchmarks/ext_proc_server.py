"""An external processor (ext_proc) in Python that does what the measured filter does: read one header, set two.

    python -m tests.benchmarks.ext_proc_server        prints its port on 127.0.0.1
"""

from __future__ import annotations

import asyncio

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from envoy.service.ext_proc.v3 import external_processor_pb2_grpc as service


def _set(name: str, value: bytes) -> pb.HeadersResponse:
    option = base_pb2.HeaderValueOption(header=base_pb2.HeaderValue(key=name, raw_value=value))
    return pb.HeadersResponse(
        response=pb.CommonResponse(header_mutation=pb.HeaderMutation(set_headers=[option]))
    )


class Processor(service.ExternalProcessorServicer):
    async def Process(self, requests, context):
        async for message in requests:
            if message.HasField("request_headers"):
                headers = message.request_headers.headers.headers
                agent = next((h.raw_value for h in headers if h.key == "user-agent"), b"")
                yield pb.ProcessingResponse(request_headers=_set("x-agent", agent))
            else:
                yield pb.ProcessingResponse(response_headers=_set("x-filter", b"ext_proc"))


async def main() -> None:
    server = grpc.aio.server()
    service.add_ExternalProcessorServicer_to_server(Processor(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
