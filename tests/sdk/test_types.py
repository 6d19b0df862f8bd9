"""Types of the SDK: mypy over a filter that uses most of it, and over a wrong filter."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

GOOD = """
from __future__ import annotations
from dataclasses import dataclass
from wasmnb.sdk import *

@dataclass
class Settings:
    cluster: str = "auth"

hits = Counter("hits", tags={"zone": "a"})

class Plugin(PluginContext):
    config: Settings
    jobs: Queue

    async def on_plugin_start(self, plugin_configuration_size: int) -> None:
        self.jobs = register_queue("jobs")
        reveal_type(await self.jobs.get())  # bytes
        reveal_type(self.config.cluster)  # str

class F(HttpContext):
    plugin: Plugin
    config: Settings

    async def on_http_request_headers(self, num_headers: int, end_of_stream: bool) -> Action | None:
        reveal_type(self.plugin.jobs)  # wasmnb.sdk.shared.Queue
        reveal_type(self.config.cluster)  # str
        reveal_type(self.request_headers.get("a"))  # str | None
        reveal_type(self.request.method)  # str
        reveal_type(self.request.query.get("a"))  # str | None
        reveal_type(self.properties.source.port)  # int
        reveal_type(self.properties.upstream.address)  # str
        reveal_type(self.properties.request.time)  # datetime.datetime
        reveal_type(await self.request_body())  # bytes
        async for chunk in self.request.body:
            reveal_type(chunk)  # bytes
        self.request.query["n"] = self.request.cookies["n"] = 5
        self.request.method = "POST"
        first, second = await gather(self.http_call("a"), self.grpc_call("a", "b", "c", b"d"))
        reveal_type(first.headers.get("x"))  # str | None
        reveal_type(second.message)  # bytes
        reveal_type(await gather(*(self.http_call(c) for c in "ab")))  # list[wasmnb.sdk.callouts.http.HttpCallResponse]
        reveal_type(await wait_for(self.http_call("a"), 1))  # wasmnb.sdk.callouts.http.HttpCallResponse
        async with timeout(1), self.grpc_stream("a", "b", "c") as stream:
            reveal_type(await stream.receive())  # bytes | None
        reveal_type(hits.with_tags(code=200).value)  # int
        reveal_type(self.shared_data.update("a", lambda old: (old or b"") + b"."))  # bytes
        return self.send_local_response(200, json={"a": 1})

    def on_http_response_headers(self, num_headers: int, end_of_stream: bool) -> None:
        reveal_type(self.response.status)  # int
        self.response.set_cookie("a", "b", max_age=5, same_site="Strict")
"""

BAD = """
from wasmnb.sdk import *
class F(HttpContext):
    def on_http_request_headers(self, num_headers: int, end_of_stream: bool) -> str:  # wrong
        return ""
    def on_http_response_headers(self, num_headers: int) -> None:  # wrong
        self.response.set_cookie("a", "b", max_agee=5)  # wrong
        self.response.set_cookie("a", "b", same_site="lax")  # wrong
        self.response.status = "404"  # wrong
        self.request.foo = 1  # wrong
        self.request.method = None  # wrong
        self.request.body = {"a": 1}  # wrong
        self.properties.source.adress  # wrong
        self.properties.requets  # wrong
        self.request_headers["a"] = None  # wrong
        Counter("a").increment("1")  # wrong
        for chunk in self.response_body:  # wrong
            pass
    async def on_http_request_body(self, body_size: int, end_of_stream: bool) -> None:
        await self.request_body  # wrong
        await sleep("1")  # wrong
"""


def checked(tmp_path, source):
    (tmp_path / "user.py").write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    return [line.split(":", 3)[1:] for line in done.stdout.splitlines() if line.startswith("user.py:")]


def test_sdk_names_have_types(tmp_path):
    seen = {int(line): text.split('"')[1] for line, kind, text in checked(tmp_path, GOOD) if "Revealed" in text or "error" in kind}
    lines = enumerate(GOOD.splitlines(), 1)
    assert seen == {number: line.partition("  # ")[2] for number, line in lines if "reveal_type" in line}


def test_type_error_is_reported_in_its_line(tmp_path):
    errors = {int(line) for line, kind, _ in checked(tmp_path, BAD) if "error" in kind}
    assert errors == {number for number, line in enumerate(BAD.splitlines(), 1) if line.endswith("# wrong")}
