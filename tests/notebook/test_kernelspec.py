"""The kernelspec loads the extension."""

import json
from pathlib import Path

import wasmnb.notebook

SPEC = Path(wasmnb.notebook.__file__).with_name("kernelspec") / "kernel.json"


def test_kernel_is_ipykernel_with_the_extension():
    argv = json.loads(SPEC.read_text())["argv"]
    assert argv[1:3] == ["-m", "ipykernel_launcher"]
    assert "--ext=wasmnb" in argv
