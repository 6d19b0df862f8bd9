"""Modules keep no state: nothing writes to a module's variables, and every cache is listed with its reason.

State of a module is shared by all proxies and notebooks of a process, and outlives them.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.test_floors import Module, modules

#: Variables that are written, with the reason why they can't belong to an object.
ALLOWED = {
    "wasmnb.sdk.vm._current": "filters call the SDK without a handle; it is a context variable, so that native VMs don't share it",
    "wasmnb.compiler.guest_code.app._kept": "inside Wasm the module is the VM, and the glue holds addresses of these objects",
    "wasmnb.compiler.guest_code.archive._installed": "inside Wasm the module is the VM, which has one archive",
}
#: Functions whose results are kept and that always return the same for the same arguments.
PURE = {
    "wasmnb.compiler.cell_source.ast_statements._tree",
    "wasmnb.compiler.release.lean_runtime._digest",
    "wasmnb.compiler.release.profile.hot_set.corpus",
    "wasmnb.compiler.release.release_filter._lean_runtime",
    "wasmnb.compiler.runtime_build.runtime._versions",
    "wasmnb.compiler.runtime_build.runtime.runtimes_in",
    "wasmnb.compiler.runtime_build.staging.guest_digest",
    "wasmnb.compiler.dependencies.guest_modules._table",
    "wasmnb.compiler.dependencies.packages._all_imports_of",
    "wasmnb.compiler.dependencies.packages._dependencies",
    "wasmnb.compiler.dependencies.packages._digest",
    "wasmnb.host.vm.hostcall_stubs._factory",
    "wasmnb.host.vm.hostcall_stubs.schema_of",
    "wasmnb.sdk.messages.properties._tables",
    "wasmnb.traffic.replay.portable_filter._build",
}
#: Functions that return the one object of the process, with the reason why there is only one.
ONE_OF_THE_PROCESS = {
    "wasmnb.engine.engine.default_engine": "compiled code belongs to an engine, and each module is compiled once",
    "wasmnb.engine.calls.signals.trap_signals": "signal handlers belong to the process",
    "wasmnb.host.trace.history.closed_histories": "the limit of memory is one for all closed proxies of a notebook",
}

MUTATORS = frozenset(
    "add append appendleft clear discard extend insert pop popitem popleft remove set setdefault update".split()
)
#: Constructors of objects that exist to be written, as empty containers do.
STATEFUL = frozenset(
    "ContextVar Counter OrderedDict WeakKeyDictionary WeakSet WeakValueDictionary count defaultdict deque local".split()
)
CONTAINERS = frozenset({"dict", "list", "set"})
DISPLAYS = (ast.Dict, ast.List, ast.Set)


def written(module: Module) -> Iterator[str]:
    """Yield the names of the module's variables that are state."""
    tree = module.tree
    variables = dict(_variables(tree))
    imported = {name for node in tree.body if isinstance(node, ast.ImportFrom) for name in _imports(node)}
    yield from (f"{module.name}.{name}" for name, value in variables.items() if _exists_to_be_written(value))
    in_functions = set(_nodes_in_functions(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from (f"{module.name}.{name}" for name in node.names)
        name = _changed(node)
        if name in imported or (name in variables and node in in_functions and _is_container(variables[name])):
            yield f"{module.name}.{name}"


def _nodes_in_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of all functions. A module may build a table in several statements while it is imported."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ast.walk(child)
        else:
            yield from _nodes_in_functions(child)


def _variables(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield variables of a module and of its classes, with their values."""
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for statement in (statement for body in bodies for statement in body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((target.id, statement.value) for target in targets if isinstance(target, ast.Name))


def _imports(node: ast.ImportFrom) -> Iterator[str]:
    """Yield constants that a statement imports from modules of the package."""
    if node.level:
        yield from (alias.name for alias in node.names if alias.name.isupper())


def _constructor(value: ast.expr) -> str:
    function = value.func if isinstance(value, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_container(value: ast.expr) -> bool:
    return isinstance(value, (*DISPLAYS, ast.DictComp, ast.ListComp, ast.SetComp)) or _constructor(value) in CONTAINERS | STATEFUL


def _exists_to_be_written(value: ast.expr) -> bool:
    if _constructor(value) in STATEFUL:
        return True
    empty_call = _constructor(value) in CONTAINERS and isinstance(value, ast.Call) and not value.args and not value.keywords
    return empty_call or (isinstance(value, DISPLAYS) and not (value.keys if isinstance(value, ast.Dict) else value.elts))


def _changed(node: ast.AST) -> str:
    """Return the variable that an expression or a statement changes, or an empty text."""
    changed: ast.AST | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        changed = node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        changed = node.value
    return changed.id if isinstance(changed, ast.Name) else ""


def cached(module: Module) -> Iterator[str]:
    """Yield the names of functions whose results are kept."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(decorator).partition("(")[0].rpartition(".")[2] for decorator in node.decorator_list]
            if {"cache", "lru_cache"} & set(decorators):
                yield f"{module.name}.{node.name}"


@cache
def state_and_caches() -> tuple[set[str], set[str]]:
    """Return what `written` and `cached` find in the package. Each module is parsed once, and its tree isn't kept."""
    state: set[str] = set()
    caches: set[str] = set()
    for name, known in modules().items():
        module = Module(name, known.text)
        state.update(written(module))
        caches.update(cached(module))
    return state, caches


def test_modules_have_no_state_but_the_listed():
    assert state_and_caches()[0] == set(ALLOWED)


def test_caches_are_listed_with_their_reason():
    assert state_and_caches()[1] == PURE | set(ONE_OF_THE_PROCESS)


@pytest.mark.parametrize("text", [
    "STATE = {}", "STATE = []", "STATE = set()", "STATE: dict[str, int] = dict()", "STATE = ContextVar('x')", "STATE = weakref.WeakSet()",
    "STATE = collections.deque()", "STATE = itertools.count()", "class A:\n    STATE = {}",
    "STATE = {1: 2}\ndef f():\n    STATE[2] = 3", "STATE = {1: 2}\ndef f():\n    del STATE[1]", "STATE = [1]\ndef f():\n    STATE.append(2)",
    "STATE = 1\ndef f():\n    global STATE", "from .other import STATE\nSTATE.add(1)", "from .other import STATE\ndef f():\n    STATE['x'] = 1",
])  # fmt: skip
def test_check_finds_every_form_of_state(text):
    assert "wasmnb.host.x.STATE" in written(Module("wasmnb.host.x", text))


@pytest.mark.parametrize("text", [
    "TABLE = {1: 2}", "TABLE = {1: 2}\nTABLE[2] = TABLE", "TABLE = {1: 2}\ndef f():\n    return TABLE[1]", "TABLE = frozenset()", "TABLE = ()", "def f():\n    names = []\n    names.append(1)",
    "class A:\n    def __init__(self):\n        self.items = []",
])  # fmt: skip
def test_check_allows_tables_and_state_of_objects(text):
    assert list(written(Module("wasmnb.host.x", text))) == []


@pytest.mark.parametrize("decorator", ["cache", "functools.cache", "lru_cache(maxsize=2)", "functools.lru_cache"])
def test_check_finds_every_form_of_cache(decorator):
    assert list(cached(Module("wasmnb.host.x", f"@{decorator}\ndef f():\n    pass"))) == ["wasmnb.host.x.f"]
