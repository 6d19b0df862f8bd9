"""Measure the time from a ready kernel to the first panel: `python -m tests.notebooks.first_cell [--cores 0.33]`.

The first cells of the first chapter run in a new kernel. To limit the kernel to a share of a core, it is stopped and continued
many times per second. Caches must be filled, so run this twice after a change of the SDK. The time ends when the view of the
panel's widget has arrived. Browsers need additional time to draw the panel.
"""

import argparse
import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager

from tests.notebooks.saved_form import NOTEBOOKS

CHAPTER = NOTEBOOKS / "course" / "01-first-filter.ipynb"
VIEW = "application/vnd.jupyter.widget-view+json"

#: Seconds of a period in which the kernel runs for its share.
PERIOD = 0.02


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks.first_cell", description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=float, default=1 / 3, metavar="SHARE", help="Share of a core for the kernel (0.33), or 1 for all cores.")
    parser.add_argument("--runs", type=int, default=3, help="New kernels (3).")
    options = parser.parse_args(arguments)
    for _ in range(options.runs):
        seconds, cpu = first_panel(options.cores)
        print(f"panel after {seconds:.2f} s with {options.cores:.2f} of a core; {cpu:.2f} CPU seconds", flush=True)


def first_panel(cores):
    """Return the seconds from a ready kernel to the panel, and the kernel's CPU seconds during this time."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(CHAPTER.parent), extra_arguments=["--IPKernelApp.log_level=40"])
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        process = manager.provisioner.process.pid
        with limited(process, cores):
            started, used = time.monotonic(), cpu_seconds(process)
            for source in first_cells():
                panel, cpu = run(client, source, process)
            return panel - started, cpu - used
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def first_cells():
    """Return the sources of the first chapter up to the first filter."""
    code = [cell.source for cell in nbformat.read(CHAPTER, as_version=4).cells if cell.cell_type == "code"]
    last = next(number for number, source in enumerate(code) if source.startswith("%%wasmfilter"))
    return code[: last + 1]


def run(client, source, process):
    """Run a cell. Return the time and the CPU time at which its first widget arrived, or else at which the cell ended."""
    request, panel = client.execute(source), None
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))
        if panel is None and VIEW in message["content"].get("data", {}):
            panel = time.monotonic(), cpu_seconds(process)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return panel or (time.monotonic(), cpu_seconds(process))


@contextmanager
def limited(process, cores):
    """Give a process a share of one core."""
    if cores >= 1:
        yield
        return
    done = threading.Event()

    def stop_and_continue():
        used = cpu_seconds(process)
        while not done.wait(PERIOD):
            now = cpu_seconds(process)
            rest = (now - used) / cores - PERIOD
            used = now
            if rest > 0:
                os.kill(process, signal.SIGSTOP)
                done.wait(rest)
                os.kill(process, signal.SIGCONT)

    thread = threading.Thread(target=stop_and_continue)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def cpu_seconds(process):
    """Return the CPU seconds of all threads of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
