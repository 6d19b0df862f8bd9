"""Native filters in a real kernel, as in a notebook: breakpoint() and %debug use the cell's prompt."""

import queue
import time

import pytest
from jupyter_client.manager import start_new_kernel

FILTER = """\
%%wasmfilter hello --native --workers 1
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "")
        if user == "stop":
            breakpoint()
        self.request_headers["x-initial"] = user[0]
"""


@pytest.fixture(scope="module")
def run():
    manager, client = start_new_kernel(kernel_name="python3")

    def runner(cell, *responses):
        """Run a cell, answer its prompts, and return all of its text output."""
        waiting, said = list(responses), []
        request = client.execute(cell, allow_stdin=True)
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            try:
                client.get_stdin_msg(timeout=0.05)
            except queue.Empty:
                pass
            else:
                client.input(waiting.pop(0))
            try:
                message = client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                continue
            content = message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            said.append(
                content.get("text")
                or content.get("data", {}).get("text/plain")
                or "\n".join(content.get("traceback", []))
            )
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                assert not waiting, said
                return "\n".join(filter(None, said))
        raise AssertionError(f"the cell does not end: {said}")

    runner("%load_ext wasmnb\n%colors NoColor")
    yield runner
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_breakpoint_prompts_at_the_cell_and_debug_opens_on_its_line(run):
    run(FILTER)
    said = run("x = hello.get('/', {'x-user': 'stop'})\nx.response.status", "p user * 3", "n", "c")
    assert "stopstopstop" in said and 'self.request_headers["x-initial"] = user[0]' in said
    assert "200" in said
    said = run("hello.get('/')")
    assert "IndexError" in said and "503" in said
    said = run("%debug", "p [user, 1000]", "q")
    assert "['', 1000]" in said and "user[0]" in said


@pytest.mark.slow
def test_panel_and_tree_show_native(run):
    run(FILTER)
    assert "runs native" in run("%wasmtree hello")


STEPS = """\
%%wasmfilter steps --native --workers 1
def first(text):
    return text[0]

class Steps(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "none")
        breakpoint()
        self.request_headers["x-initial"] = first(user)
"""


@pytest.mark.slow
def test_debugger_shows_and_steps_into_filter_frames_only(run):
    run(STEPS)
    said = run("steps.get('/').response.status", "where", "up", "down", "step", "up", "down", *["step"] * 5, "continue")
    assert "steps.get('/').response.status" in said
    assert "return text[0]" in said
    assert "--Return--" in said
    for ours in ("wasmnb/", "dispatch", "<wasmnb", "contextlib", "<string>"):
        assert ours not in said, said
    assert "200" in said


@pytest.mark.slow
def test_breakpoint_without_a_running_cell_is_logged_and_continues(run):
    run(STEPS)
    run(
        "import asyncio\ngot = None\ndef later():\n    global got\n    got = steps.get('/')\n"
        "asyncio.get_running_loop().call_later(0.2, later)"
    )
    time.sleep(1.0)
    assert run("print(got.response.status, got.log[0].text)").strip() == (
        "200 breakpoint() in line 8 doesn't stop, because only a running cell has a prompt. Send the request from a cell."
    )
