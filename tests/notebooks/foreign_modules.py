"""`python -m tests.notebooks.foreign_modules`: compile the modules of the chapter on other languages from their source."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "notebooks" / "course" / "foreign"

#: Module -> options of the compiler.
MODULES = {"key.wasm": [], "leak.wasm": ["-DLEAK"]}

#: The flags of the chapter.
FLAGS = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g0", "-Wl,--export=malloc", "-Wl,--strip-debug"]


def build(name, output):
    """Compile one module with the compiler of the package `ziglang`."""
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *MODULES[name], "-o", output, FOLDER / "key.c"]
    subprocess.run([str(part) for part in command], check=True)
    Path(output).chmod(0o644)


if __name__ == "__main__":
    for module in MODULES:
        build(module, FOLDER / module)
