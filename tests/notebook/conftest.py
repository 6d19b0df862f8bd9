"""An IPython shell with the magics."""

from unittest.mock import patch

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from wasmnb import Proxy


@pytest.fixture(scope="module")
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    config.WasmMagics.workers = 1  # each worker loads the filter
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def run(shell):
    """Run a cell, and return its value or raise its exception. Its proxies are closed after the test."""

    def runner(text):
        result = shell.run_cell(text, store_history=True)
        result.raise_error()
        return result.result

    runner("%load_ext wasmnb")
    yield runner
    for name, value in list(shell.user_ns.items()):
        if isinstance(value, Proxy):
            value.close()
            del shell.user_ns[name]
    runner("%unload_ext wasmnb")
    with patch("gc.collect"):  # IPython collects garbage here, which takes longer than most tests
        shell.displayhook.flush()
