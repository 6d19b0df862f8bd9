"""Writes `wasmnb/compiler/dependencies/guest_stdlib.json`: the standard library of the Python inside a runtime.

Run `python -m tests.compiler.guest_stdlib` after an update of componentize-py. It takes about a minute.
"""

import json
import re
import tempfile
from pathlib import Path

from wasmnb.compiler.runtime_build.componentize import ComponentizeError, componentize
from wasmnb.compiler.runtime_build.staging import APP, SITE
from wasmnb.compiler.runtime_build.wit import world_text

TABLE = Path(__file__).parents[2] / "wasmnb" / "compiler" / "dependencies" / "guest_stdlib.json"

_BEGIN, _END = "SURVEY-BEGIN", "SURVEY-END"

#: Runs in the guest during the build. Its result is the message of the exception that it raises.
PROGRAM = f"""
import json, os, sys

FOLDER = os.path.dirname(os.__file__) if os.path.isdir(os.path.dirname(os.__file__)) else "/python"
SKIPPED = ("test", "tkinter", "turtle", "this", "antigravity", "__hello__", "__phello__", "idlelib", "ensurepip", "turtledemo")

names = set()
for folder, inner, files in os.walk(FOLDER):
    inner[:] = [i for i in inner if i.isidentifier() and i not in ("__pycache__", "test", "tests", "idlelib", "ensurepip", "turtledemo")]
    for file in files:
        if file.endswith(".py"):
            name = os.path.relpath(os.path.join(folder, file), FOLDER)[:-3].replace("/", ".").removesuffix(".__init__")
            if name.replace(".", "").isidentifier() and "__main__" not in name:
                names.add(name)
names |= {{n for n in sys.builtin_module_names if n != "componentize_py_runtime"}}
names = sorted(n for n in names if n.partition(".")[0] not in SKIPPED)

broken = {{}}
for name in names:
    if name in ("site", "encodings.mbcs", "encodings.oem"):
        continue
    try:
        __import__(name)
    except BaseException as error:
        broken[name] = str(error)
raise ImportError({_BEGIN!r} + json.dumps({{"modules": names, "broken": broken}}) + {_END!r})
"""


def survey() -> dict[str, object]:
    """Return the names of the guest's modules, and the names of modules that can't be imported, with the reasons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for inner in ("wit", "app", SITE):
            (folder / inner).mkdir()
        (folder / "wit" / "world.wit").write_text(world_text())
        (folder / "app" / f"{APP}.py").write_text(PROGRAM)
        try:
            componentize(folder, lambda _seconds: None)
        except ComponentizeError as error:
            text = re.search(rf"{_BEGIN}(\{{.*?\}}){_END}", str(error), re.DOTALL)
            if text is None:
                raise
            return json.loads(text[1], strict=False)
    raise AssertionError("the program in the guest did not report")


if __name__ == "__main__":
    TABLE.write_text(json.dumps(survey(), indent=0) + "\n")
