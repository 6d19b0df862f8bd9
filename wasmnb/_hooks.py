"""Hooks: services of upper floors that lower floors call without importing them.

Each hook names one service and states its signature. `wasmnb/__init__` connects all of them to the modules that provide
the services, and such a module is imported when its hook is called for the first time.
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
    """A function that another floor provides.

    Parameters
    ----------
    name
        The hook's name in this module, for error messages.
    """

    __slots__ = ("_load", "_provider", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._load: Callable[[], Callable[P, R]] | None = None
        self._provider: Callable[P, R] | None = None

    def connect(self, load: Callable[[], Callable[P, R]]) -> None:
        """Set how the provider is loaded.

        Parameters
        ----------
        load
            Function that imports and returns the provider. The first call of the hook calls it, once.
        """
        self._load, self._provider = load, None

    def provider(self) -> Callable[P, R]:
        """Return the provider, which the first call imports.

        Raises
        ------
        ImportError
            The provider, or a package that it needs, is not installed.
        """
        if self._provider is None:
            if self._load is None:
                raise ImportError(f"The hook {self.name!r} is not connected: import the package `wasmnb` first.")
            self._provider = self._load()
        return self._provider

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the provider with the same arguments."""
        return self.provider()(*args, **kwargs)


#: An object as display data: MIME type -> content.
mimebundle: Hook[[Any], dict[str, Any]] = Hook("mimebundle")

#: The lines of an error's traceback, as IPython prints them.
error_lines: Hook[..., list[str]] = Hook("error_lines")

#: The live panel of a simulated proxy.
panel_of: Hook[[Any], Any] = Hook("panel_of")

#: Whether a proxy in the running cell is displayed as a live panel.
shows_panels: Hook[[], bool] = Hook("shows_panels")

#: Record which code the traffic of a simulated proxy executes.
code_profile: Hook[[Any], Any] = Hook("code_profile")

#: Write the plugins of a proxy into a folder, for deployment.
export: Hook[..., Any] = Hook("export")

#: Read the Wasm plugins, routes and clusters from an `envoy.yaml`.
read_envoy: Hook[..., Any] = Hook("read_envoy")

#: Serve a proxy on a socket of this machine.
listen: Hook[..., Any] = Hook("listen")

#: Return a pytest test, as code, for exchanges of a proxy.
write_test: Hook[..., str] = Hook("write_test")

#: Show the progress of a build to the user. Inside the context manager, call its function with the current step and the share
#: that is done (0 to 1). Parameters: `patience`, the seconds before anything is shown, and `verdict`, the last line.
current_progress: Hook[..., AbstractContextManager[Callable[[str, float], None]]] = Hook("current_progress")

_HOOKS: tuple[Hook[..., Any], ...] = (
    mimebundle, error_lines, panel_of, shows_panels, export, listen, read_envoy, write_test, current_progress, code_profile,
)  # fmt: skip


def connect(load: Mapping[str, Callable[[], Callable[..., Any]]]) -> None:
    """Connect every hook.

    Parameters
    ----------
    load
        Hook name -> function that imports and returns the provider.
    """
    for hook in _HOOKS:
        hook.connect(load[hook.name])
