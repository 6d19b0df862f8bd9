"""Hooks, through which lower floors of the package call functions of upper floors without importing them.

Each hook declares the signature of one function. `wasmnb/__init__` connects the hooks to the modules that define these
functions. A module is imported when its hook is called for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = [
    "Hook",
    "code_profile",
    "connect",
    "current_progress",
    "error_lines",
    "export",
    "listen",
    "mimebundle",
    "panel_of",
    "read_envoy",
    "shows_panels",
    "write_test",
]

P = ParamSpec("P")
R = TypeVar("R")


class Hook(Generic[P, R]):
    """A function that an upper floor of the package provides.

    Parameters
    ----------
    name
        Name of the hook in this module, used in error messages.
    """

    __slots__ = ("_load", "_provider", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._load: Callable[[], Callable[P, R]] | None = None
        self._provider: Callable[P, R] | None = None

    def connect(self, load: Callable[[], Callable[P, R]]) -> None:
        """Set the function that loads the provider.

        Parameters
        ----------
        load
            Function that imports and returns the provider. It is called once, when the hook is first used.
        """
        self._load, self._provider = load, None

    def provider(self) -> Callable[P, R]:
        """Return the provider. It is imported on the first call.

        Raises
        ------
        ImportError
            The provider, or a package that it requires, is not installed.
        """
        if self._provider is None:
            if self._load is None:
                raise ImportError(f"The hook {self.name!r} is not connected. Import the package `wasmnb` first.")
            self._provider = self._load()
        return self._provider

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the provider with the same arguments."""
        return self.provider()(*args, **kwargs)


#: Return the display data of an object: MIME type -> content.
mimebundle: Hook[[Any], dict[str, Any]] = Hook("mimebundle")

#: Return the lines of an error's traceback as IPython prints them.
error_lines: Hook[..., list[str]] = Hook("error_lines")

#: Return the live panel of a simulated proxy.
panel_of: Hook[[Any], Any] = Hook("panel_of")

#: Return whether a proxy in the running cell is displayed as a live panel.
shows_panels: Hook[[], bool] = Hook("shows_panels")

#: Record the code that runs for the requests of a simulated proxy.
code_profile: Hook[[Any], Any] = Hook("code_profile")

#: Write the files that deploy the plugins of a proxy into a folder.
export: Hook[..., Any] = Hook("export")

#: Read the Wasm plugins, routes and clusters from an `envoy.yaml`.
read_envoy: Hook[..., Any] = Hook("read_envoy")

#: Serve a proxy on a local socket.
listen: Hook[..., Any] = Hook("listen")

#: Return the code of a pytest test for exchanges of a proxy.
write_test: Hook[..., str] = Hook("write_test")

#: Return a context manager that shows the progress of a build. Call its function with the current step and the fraction done
#: (0 to 1). Parameters: `patience`, the seconds before the progress is shown, and `verdict`, the last line.
current_progress: Hook[..., AbstractContextManager[Callable[[str, float], None]]] = Hook("current_progress")

_HOOKS: tuple[Hook[..., Any], ...] = (
    mimebundle, error_lines, panel_of, shows_panels, export, listen, read_envoy, write_test, current_progress, code_profile,
)  # fmt: skip


def connect(load: Mapping[str, Callable[[], Callable[..., Any]]]) -> None:
    """Connect every hook to its provider.

    Parameters
    ----------
    load
        Function that imports and returns the provider, by name of the hook.
    """
    for hook in _HOOKS:
        hook.connect(load[hook.name])
