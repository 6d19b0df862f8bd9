"""Structure of the package: floors don't import upper floors, import circles are short, and folders are small."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from wasmnb import _hooks

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wasmnb"

#: Most modules in a circle of imports.
LONGEST_CIRCLE = 3

#: Most modules in a folder, without `__init__`.
LARGEST_FOLDER = 12

#: Functions that import, find or run a module named by one of their arguments.
IMPORTERS = frozenset(
    {
        "import_module", "__import__", "find_spec", "resolve_name", "get_loader", "find_loader", "get_data", "iter_modules",
        "walk_packages", "run_module",
    }
)  # fmt: skip

#: Methods of `sys.modules` whose first argument is the name of a module.
LOOKUPS = frozenset({"get", "pop", "setdefault", "__getitem__"})

#: Function of importlib.resources whose argument names a folder of data files. Its modules aren't used.
FOLDER = "files"

#: The only module that may name all floors, because it connects the hooks.
COMPOSITION_ROOT = "wasmnb"

_MODULE_NAME = re.compile(r"wasmnb(\.\w+)+")


@dataclass(frozen=True)
class Reference:
    """A reference from a module to another one."""

    line: int
    target: str
    form: str


class Module:
    """A source file and its references to modules."""

    def __init__(self, name: str, text: str, *, is_package: bool = False) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.text = text

    @cached_property
    def references(self) -> list[Reference]:
        """The references in the text."""
        return list(self._references(ast.parse(self.text)))

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text. Drop the module afterwards: the garbage collector goes through kept trees again and again."""
        return ast.parse(self.text)

    def _references(self, tree: ast.Module) -> Iterator[Reference]:
        """Yield imports of any form, and module names in strings."""
        nodes = list(ast.walk(tree))
        named = {*_docstrings(nodes), *_folder_names(nodes)}
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (Reference(node.lineno, alias.name, "import") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self.resolve("." * node.level + (node.module or ""))
                yield from (Reference(node.lineno, f"{base}.{alias.name}", "import") for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in IMPORTERS:
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    yield from self._named(argument, "string import")
            elif isinstance(node, ast.Call) and _called(node) in LOOKUPS and _is_sys_modules(node.func.value) and node.args:
                yield from self._named(node.args[0], "lookup")
            elif isinstance(node, ast.Subscript) and _is_sys_modules(node.value):
                yield from self._named(node.slice, "lookup")
            elif isinstance(node, ast.Call) and _called(node) == FOLDER and node.args:
                yield from self._named(node.args[0], "folder")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in named:
                if _MODULE_NAME.fullmatch(node.value.rstrip(".")):
                    yield Reference(node.lineno, node.value.rstrip("."), "string")

    def _named(self, name: ast.expr, form: str) -> Iterator[Reference]:
        """Yield the module that an argument names, which is a text, or a formatted text that begins with the name."""
        parts = name.values if isinstance(name, ast.JoinedStr) else [name]
        first = parts[0].value if parts and isinstance(parts[0], ast.Constant) else None
        if isinstance(first, str) and first.startswith((".", "wasmnb")):
            yield Reference(name.lineno, self.resolve(first.partition(":")[0]), form)

    def resolve(self, name: str) -> str:
        """Return the absolute name of a module that this one refers to."""
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        bare = bare.rstrip(".")
        if not level:
            return bare
        parts = self.package.split(".")
        return ".".join([*parts[: len(parts) - level + 1], *([bare] if bare else [])])


def _docstrings(nodes: list[ast.AST]) -> Iterator[int]:
    """Return the ids of all strings that are statements."""
    return (id(n.value) for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))


def _folder_names(nodes: list[ast.AST]) -> Iterator[int]:
    """Return the ids of all strings that name a folder of data files."""
    return (id(a) for n in nodes if isinstance(n, ast.Call) and _called(n) == FOLDER for a in n.args)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_sys_modules(node: ast.expr) -> bool:
    """Return whether an expression is `sys.modules`, or `modules` imported from `sys`."""
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == "modules"


@cache
def modules() -> dict[str, Module]:
    """Return the package's modules by name. Reading them takes a second, so that it happens in a test and not at the import."""
    result = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        result[name] = Module(name, path.read_text(encoding="utf-8"), is_package=is_package)
    return result


def _floors() -> dict[str, int]:
    """Return the height of each floor. The lowest is 0."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    return {name.strip(): height for height, layer in enumerate(reversed(layers)) for name in layer.split("|")}


def _folders() -> list[Path]:
    return sorted({path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")})


FLOORS = _floors()
FOLDERS = _folders()


def upward(module: Module) -> list[str]:
    """Describe every reference to an upper floor. The package itself is above all floors."""
    height = FLOORS[module.name.split(".")[1]]
    return [
        f"{module.name}, line {reference.line}: {reference.form} of {reference.target}"
        for reference in module.references
        if _height(reference.target, height) > height
    ]


def _height(target: str, default: int) -> int:
    first, _, rest = target.partition(".")
    return FLOORS.get(rest.partition(".")[0], len(FLOORS)) if first == COMPOSITION_ROOT else default


def circles() -> list[set[str]]:
    """Return groups of modules that import each other, directly or indirectly, including types and lazy imports."""
    graph = {name: _imported(module) - {name} for name, module in modules().items() if name != COMPOSITION_ROOT}
    return [group for group in _components(graph) if len(group) > 1]


def _imported(module: Module) -> set[str]:
    imported = set()
    for reference in module.references:
        name = reference.target
        if reference.form == "folder":
            continue
        while name not in modules() and "." in name:  # the last part is a function or class
            name = name.rpartition(".")[0]
        if name in modules() and name != COMPOSITION_ROOT:
            imported.add(name)
    return imported


def _components(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components of a graph."""
    reach = {name: _reachable(name, graph) for name in graph}
    groups: list[set[str]] = []
    placed: set[str] = set()
    for name in graph:
        if name not in placed:
            group = {name} | {other for other in reach[name] if name in reach[other]}
            placed |= group
            groups.append(group)
    return groups


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    stack = [start]
    while stack:
        new = graph[stack.pop()] - seen
        seen |= new
        stack.extend(new)
    return seen


@pytest.mark.parametrize("floor", FLOORS)
def test_floor_does_not_refer_to_upper_floors(floor):
    chosen = [module for name, module in modules().items() if name.split(".")[1:2] == [floor]]
    assert [line for module in chosen for line in upward(module)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from ..view import error_lines",
        "from .. import view",
        "from .. import Proxy",
        "import wasmnb",
        "import wasmnb.view.panel",
        "if TYPE_CHECKING:\n    from ..envoy import Envoy",
        "def f():\n    from ..envoy import Envoy",
        "importlib.import_module('wasmnb.view')",
        "import_module('..view', __package__)",
        "import_module(f'wasmnb.{floor}')",
        "import_module(f'..{floor}', __package__)",
        "__import__('wasmnb.notebook.progress')",
        "find_spec('wasmnb.cli')",
        "importlib.util.find_spec(name='wasmnb.cli')",
        "sys.modules['wasmnb']",
        "sys.modules.get('wasmnb')",
        "modules['wasmnb']",
        "sys.modules[f'wasmnb.{floor}']",
        "getattr(sys.modules['wasmnb'], 'view')",
        "pkgutil.resolve_name('wasmnb.view:to_html')",
        "pkgutil.walk_packages(paths, 'wasmnb.')",
        "pkgutil.get_data('wasmnb', 'view/panel/panel.js')",
        "runpy.run_module('wasmnb.cli')",
        "files('wasmnb.view')",
        "TABLE = {'panel': 'wasmnb.view.panel'}",
        "name.startswith('wasmnb.envoy.')",
    ],
)
def test_check_finds_every_form_of_upward_import(line):
    assert len(upward(Module("wasmnb.host.proxy", line))) >= 1


@pytest.mark.parametrize(
    "line",
    [
        "from ..engine import Engine",
        "from .clock import Clock",
        "from .. import _hooks",
        "import_module('.clock', __package__)",
        "import_module(f'.{name}', __package__)",
        "import_module('json')",
        "sys.modules['json']",
        "sys.modules['wasmnb.engine']",
        "sys.modules.get(name)",
        "runpy.run_path(path)",
        "def f():\n    'wasmnb.view'",
        "text = 'see wasmnb.view for more'",
    ],
)
def test_check_allows_lower_floors_and_documentation(line):
    assert upward(Module("wasmnb.host.proxy", line)) == []


def test_view_draws_only_classes_of_lower_floors_by_name():
    from wasmnb.view.mimebundle import DOCUMENTS

    texts = [module.text for name, module in modules().items() if _height(name, 99) < FLOORS["view"]]
    assert [name for name in DOCUMENTS if not any(re.search(rf"^class {name}\b", text, re.M) for text in texts)] == []


def test_circles_of_imports_have_at_most_three_modules():
    too_long = [group for group in circles() if len(group) > LONGEST_CIRCLE]
    assert too_long == [], "\n\n".join(", ".join(sorted(group)) for group in too_long)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_folder_has_at_most_twelve_modules(folder):
    names = [path.name for path in (PACKAGE / folder).glob("*.py") if path.name != "__init__.py"]
    assert len(names) <= LARGEST_FOLDER, sorted(names)


def test_map_in_contributing_lists_every_floor_from_the_bottom_up():
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Map of the floors")[1].split("\n\nA lower floor")[0]
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    listed = [floor for row in rows for floor in row]
    assert sorted(listed) == sorted(FLOORS)
    assert [FLOORS[floor] for floor in listed] == sorted(FLOORS.values())


#: Folders whose `__init__` has functions, and why.
INITS_WITH_FUNCTIONS = {
    ".": "imports names when they are used",
    "cli": "handles Ctrl-C before anything else is imported",
    "notebook": "IPython calls the functions by the package's name",
    "sdk": "lists the names that filters have built in",
    "view/panel": "imports the panel when it is used",
}

#: End of a sentence. A colon doesn't end one, nor does a full stop within a name.
SENTENCE_END = re.compile(r"\.(?=\s|\)|$)")

#: Another place, to which a folder's second sentence refers: a module or folder by name, or by its position.
OTHER_PLACE = re.compile(r"`(?:\.\.|wasmnb\.|tests/)[\w./]*`|the folder above|the parent folder|one folder up")


def prose(docstring):
    """The text of a docstring without examples and tables."""
    return "\n".join(line for line in docstring.splitlines() if "    " not in line)


def second_part(docstring):
    """Return the text after the first sentence, or ''."""
    first, *rest = SENTENCE_END.split(prose(docstring), maxsplit=1)
    return rest[0] if rest and SENTENCE_END.search(rest[0]) else ""


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_init_describes_the_folder_in_two_sentences(folder):
    docstring = ast.get_docstring(ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert OTHER_PLACE.search(second_part(docstring)), f"says nothing about other folders: {docstring}"


@pytest.mark.parametrize(
    ("docstring", "is_complete"),
    [
        ("Contents of bodies: text, gzip and lines.", False),
        ("Codecs. They decode requests.", False),
        ("Codecs of HTTP. Routes are in `..route_table`.", True),
        ("Codecs: see `..route_table` for routes.", False),
        ("Codecs of HTTP.\n\n    a    `..table.`\n", False),
        ("The magics. Their registration is in the folder above.", True),
    ],
)
def test_check_of_folders_wants_a_second_sentence_about_other_places(docstring, is_complete):
    assert bool(OTHER_PLACE.search(second_part(docstring))) is is_complete


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_init_has_no_functions_of_its_own(folder):
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    own = [name for name in names if name not in ("__getattr__", "__dir__")]
    assert not own or str(folder) in INITS_WITH_FUNCTIONS, own


def test_importing_the_package_loads_only_hooks():
    code = "import sys, wasmnb; print([m for m in sys.modules if m.startswith(('wasmnb.', 'IPython', 'matplotlib'))])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert output.strip() == "['wasmnb._hooks']"


@pytest.mark.parametrize("name", [name for name in _hooks.__all__ if name not in ("Hook", "connect")])
def test_hook_has_a_provider_on_an_upper_floor(name):
    provider = getattr(_hooks, name).provider()
    assert FLOORS[provider.__module__.split(".")[1]] > FLOORS["host"]


def test_first_call_of_a_hook_imports_its_provider():
    loads = []
    hook = _hooks.Hook("double")
    hook.connect(lambda: loads.append("load") or (lambda number: 2 * number))
    assert (list(loads), hook(2), hook(3), loads) == ([], 4, 6, ["load"])


def test_hook_without_provider_raises_with_its_name():
    with pytest.raises(ImportError, match="'double' is not connected"):
        _hooks.Hook("double")(2)
