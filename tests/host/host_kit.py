"""Raw modules that the host can run as filters, and the scripted guest."""

from functools import cache
from pathlib import Path

import wasmtime

from tests.foreign.toolchain import scripted_guest
from wasmnb.abi import AbiVersion
from wasmnb.engine import Engine, Image
from wasmnb.host import Proxy

#: A minimal module that Envoy loads.
FRAME = '(func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 2) (func (export "malloc") (param i32) (result i32) (i32.const 4096))'


class Raw:
    """A module with a name, which the host can run as a filter."""

    def __init__(self, wasm: bytes, name: str = "raw") -> None:
        self.wasm = wasm
        self.name = name
        self._image: Image | None = None

    def image(self, engine: Engine) -> Image:
        """Return the module, which is compiled only once."""
        self._image = self._image or Image(engine.compile(self.wasm))
        return self._image


def wat(text: str, *, imports: str = "", frame: str = FRAME, name: str = "raw") -> Raw:
    """Return a module from text. The frame adds the ABI marker, memory and malloc."""
    return Raw(bytes(wasmtime.wat2wasm(f"(module {imports} {frame} {text})")), name)


@cache
def scripted(version: AbiVersion = AbiVersion.V0_2_1) -> Raw:
    """Return the scripted guest, whose configuration is its script."""
    return Raw(Path(scripted_guest(version)).read_bytes(), "plug")


def scripted_proxy(script: str = "", **options) -> Proxy:
    """A proxy with one worker running the scripted guest."""
    options.setdefault("workers", 1)
    options.setdefault("guest_time", 0.0)
    version = options.pop("version", AbiVersion.V0_2_1)
    return Proxy(scripted(version), config=script, **options)


def calls(exchange) -> list[str]:
    """Return the callbacks of an exchange in the format of the recorded traces."""
    return [
        f"{e.name}({', '.join(str(int(a)) for a in e.args.values())})" for e in exchange.events if e.kind == "callback"
    ]


def said(exchange) -> list[str]:
    """Return the log of the scripted guest without its instance number."""
    return [line.text.partition(" ")[2] for line in exchange.log if line.source == "filter"]
