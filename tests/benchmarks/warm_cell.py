"""Time from running a cell to the first response: with a cached runtime, and without one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from wasmnb import Filter, Proxy
from wasmnb.compiler.runtime_build.componentize import componentize
from wasmnb.compiler.dependencies.requirements import Requirements
from wasmnb.compiler.runtime_build.build_module import link_component
from wasmnb.compiler.runtime_build.staging import stage
from wasmnb.engine import Engine

from .reporting import median, report, timed

CELL = '''
class Greeter(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-greeting"] = "hello {number}"

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-filter"] = "greeter"
'''


def main(cells: int = 25, rounds: int = 2) -> None:
    warm_cell(0)  # loads the runtime into the cache and into memory
    warm = [timed(lambda n=n: warm_cell(n)) for n in range(1, cells + 1)]
    cold = [without_cache() for _ in range(rounds)]
    whole = median([c + k for c, k, _ in cold])
    rows = [
        {"step": "warm cell to first response, 4 workers", "seconds (median)": f"{median(warm):.3f}"},
        {"step": "componentize-py", "seconds (median)": f"{median([c for c, _, _ in cold]):.2f}"},
        {"step": "compilation of the module (wasmtime)", "seconds (median)": f"{median([k for _, k, _ in cold]):.2f}"},
        {"step": "linking (wasmnb)", "seconds (median)": f"{median([link for _, _, link in cold]):.2f}"},
    ]
    report(
        "warm_cell", "From a cell to the first response", rows,
        [
            f"A warm cell is {whole / median(warm):.0f} times as fast as componentize-py and wasmtime's compilation together.",
            f"First run, all steps: {median([sum(times) for times in cold]):.1f} s.",
            f"{cells} different cells, slowest {max(warm):.3f} s; {rounds} builds without a cache.",
        ],
    )  # fmt: skip


def warm_cell(number: int) -> None:
    wasm_filter = Filter.from_source(CELL.replace("{number}", str(number)), "greeter")
    with Proxy(wasm_filter, workers=4) as proxy:
        assert proxy.get("/").response.headers["x-filter"] == "greeter"


def without_cache() -> tuple[float, float, float]:
    """Return the seconds of componentize-py, of compilation, and of linking."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder, Requirements())
        start = time.perf_counter()
        component = componentize(folder, lambda _seconds: None)
        componentized = time.perf_counter()
        module = link_component(component).wasm
        linked = time.perf_counter()
        Engine().compile(module)
        return componentized - start, time.perf_counter() - linked, linked - componentized


if __name__ == "__main__":
    main()
