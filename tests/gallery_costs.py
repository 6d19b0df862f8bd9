"""`python -m tests.gallery_costs`: measure the costs of the filters in examples/, and write examples/costs.json.

For each filter: lines of code without comments, documentation and blank lines; instructions of all callbacks in a typical request
after a warm-up (of the cases that pass, the request with the most headers); and the memory of a worker's VM in the simulation.
"""

import ast
import io
import json
import time
import tokenize
from dataclasses import replace

from tests.example_cases import CASES, EXAMPLES
from tests.gallery_cases import CONNECTIONS, GALLERY, Case, tcp_echo
from wasmnb import Filter, Proxy

COSTS = EXAMPLES / "costs.json"
WARM = 20


def code_lines(text):
    """Return the number of lines that contain code."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def measure(name):
    """Return the costs of one filter."""
    lines = code_lines((EXAMPLES / f"{name}.py").read_text())
    if name in CONNECTIONS:
        config, connections = CONNECTIONS[name]
        with Proxy(Filter.from_file(EXAMPLES / f"{name}.py"), workers=1, config=config, upstream=tcp_echo, fuel=True) as proxy:
            fuel = last_fuel(proxy, lambda: proxy.connect().send(connections[0][0][0]).close())
            return {"lines": lines, "fuel": fuel, "megabytes": memory(proxy)}
    case = GALLERY.get(name) or Case(*(CASES[name][i] for i in (0, 3, 1, 2)))
    if name in ("rate_limit", "rate_limit_local"):
        case = replace(case, config={"rate": 1e6, "burst": 1e6})
    passing = [arguments for arguments, status, _ in case.requests if status == 200]
    arguments = max(passing, key=lambda arguments: len(arguments[2]) if len(arguments) > 2 else 0)
    options = {"workers": 1, "upstream": case.upstream, "clusters": case.clusters, "fuel": True, "start_time": time.time()}
    with Proxy(case.plugins(name), **options) as proxy:
        proxy.advance(case.wait)
        fuel = last_fuel(proxy, lambda: proxy.request(*arguments))
        return {"lines": lines, "fuel": fuel, "megabytes": memory(proxy)}


def last_fuel(proxy, action):
    """Return the instructions of an action's callbacks after some runs, because Python specialises code that runs often."""
    for _ in range(WARM):
        last = proxy.trace[-1].seq
        action()
    return sum(event.fuel or 0 for event in proxy.trace if event.seq > last and event.kind == "callback")


def memory(proxy):
    """Return the memory of the worker's VM in megabytes, including Python and the filter."""
    return round(sum(vm.memory_size for vm in proxy.vms if vm.thread.name != "main") / 1e6, 1)


def main():
    costs = {}
    for path in sorted(EXAMPLES.glob("*.py")):
        costs[path.stem] = measure(path.stem)
        print(path.stem, costs[path.stem], flush=True)
    COSTS.write_text(json.dumps(costs, indent=1) + "\n")


if __name__ == "__main__":
    main()
