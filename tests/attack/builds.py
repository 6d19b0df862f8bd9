"""Check that builds of a filter in different environments have the same bytes.

    python -m tests.attack.builds SOURCE

prints the hashes of the runtime, the full module and the release module of a source.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

SOURCE = '''"""A filter with a set, a dict and modules of its own."""
import hashlib
from helper import NAMES

class Auth(HttpContext):
    """Refuses names."""

    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") in NAMES:  # not these
            return self.send_local_response(403, hashlib.sha256(b"no").hexdigest())
'''
HELPER = "NAMES = {'ann', 'bob', 'eve', 'mallory'}\n"

#: Environment variables of the two builds.
ENVIRONMENTS = (
    {"TZ": "UTC", "LANG": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Tokyo", "LANG": "C.UTF-8", "PYTHONHASHSEED": "2", "HOME": "/nowhere", "LOGNAME": "mallory"},
)


def hashes(path):
    from tests.compiler.compiler_kit import source_filter
    from wasmnb import Filter
    from wasmnb.engine import default_engine

    filter_ = Filter.from_file(path)
    full = source_filter(Path(path).read_text(), str(path), path=[Path(path).parent])
    _, wasm = full.runtimes.module(full.requirements, default_engine())
    modules = {"runtime": wasm, "full": filter_.to_bytes(debug=True), "release": filter_.to_bytes()}
    return {name: sha256(data).hexdigest() for name, data in modules.items()}


def build(variables):
    """Build in a new folder with a new cache."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("auth.py", SOURCE), ("helper.py", HELPER)):
            Path(folder, name).write_text(text)
        environment = {**os.environ, **variables, "WASMNB_CACHE": f"{folder}/cache", "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "tests.attack.builds", f"{folder}/auth.py"]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


def attack():
    """Build in both environments. Return whether the modules are equal, by name, and the duration."""
    started = time.monotonic()
    first, second = map(build, ENVIRONMENTS)
    return {**{name: first[name] == second[name] for name in first}, "seconds": round(time.monotonic() - started)}


if __name__ == "__main__":
    print(json.dumps(hashes(sys.argv[1])))
