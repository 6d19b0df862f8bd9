"""The committed modules of the chapter on other languages are those of their source."""

import pytest

from tests.notebooks.foreign_modules import FOLDER, MODULES, build

pytest.importorskip("ziglang")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_committed_module_is_compiled_from_its_source(name, tmp_path):
    build(name, tmp_path / name)
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
