"""The table of renamed modules, docs/renamed.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTIONS = (ROOT / "docs" / "renamed.md").read_text().split("\n## ")[1:-1]  # the last one lists removed modules


def renamed_modules():
    """Return pairs of a module's old and new name."""
    pairs = []
    for section in SECTIONS:
        old_folder, *lines = section.splitlines()
        for new_folder, cell in (row for line in lines for row in re.findall(r"^\| `(\S+)` \| (.*) \|$", line)):
            for old, new in re.findall(r"`(\w+)`(?: -> `(\w+)`)?", cell):
                pairs.append((f"{old_folder}.{old}", f"{new_folder}.{new or old}"))
    return pairs


def exists(module):
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_every_new_module_exists():
    pairs = renamed_modules()
    assert ("wasmnb.build.filter", "wasmnb.compiler.filter") in pairs and len(pairs) > 200
    assert [new for _, new in pairs if not exists(new)] == []


def test_old_modules_are_not_listed_twice():
    old = [name for name, _ in renamed_modules()]
    assert len(old) == len(set(old))
