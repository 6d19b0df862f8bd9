"""docs/reference.md: current, and complete."""

import ast
import dataclasses
import enum
import importlib
import importlib.util
import inspect
import re
import textwrap
from functools import cache
from pathlib import Path

import pytest

import wasmnb
from wasmnb import UsageError
from wasmnb.sdk import hostcalls

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_page_is_current(page):
    assert (DOCS / "reference.md").read_text() == page, "run `make reference`"


def test_page_has_every_public_name(page):
    headings = {re.split(r"[. ]", heading)[-1] for heading in re.findall(r"^### (.+)$", page, re.MULTILINE)}
    public = {name for name in dir(wasmnb) if not name.startswith("__")}
    assert public - headings - {"hostcalls"} == set()


def test_page_documents_every_entry(page):
    entries = re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    bare = [entry.splitlines()[0] for entry in entries if len(entry.strip().splitlines()) < 5 and "Values:" not in entry]
    assert bare == []


def test_links_of_the_contents_lead_to_headings(page):
    links = re.findall(r"\]\(#([^)]+)\)", page.partition("\n## ")[0])
    assert len(links) == len(set(links))


#: Modules whose names people import.
PUBLIC = (
    "wasmnb", "wasmnb.sdk", "wasmnb.sdk.hostcalls", "wasmnb.sdk.jwt", "wasmnb.testing", "wasmnb.testing.fuzzing",
    "wasmnb.testing.declarative_tests", "wasmnb.host", "wasmnb.envoy", "wasmnb.traffic", "wasmnb.compiler", "wasmnb.engine", "wasmnb.view",
)  # fmt: skip
#: Methods of public classes that only the package calls.
INTERNAL = {
    "EnvoyExchange.of", "GrpcCall.start", "GrpcStream.start", "HttpCall.deliver", "HttpCall.start", "HttpCallResponse.read",
}  # fmt: skip
#: Classes whose objects people only get, from a proxy, from the SDK or from a classmethod that is documented.
OBTAINED = {
    "Body", "ClientSession", "Exchange", "Filter", "GrpcStream", "HeaderMap", "HttpConnection", "Metrics", "Stream", "TcpConnection",
    "TcpExchange", "Worker",
}  # fmt: skip


#: Classes whose objects are results: people read them, and don't choose the values that are missing.
RESULTS = {
    "Callout", "CaseResult", "DeclarativeResult", "EnvoyExchange", "EnvoyTcpExchange", "Event", "Explanation", "Export", "ExportType",
    "FilterInfo", "Finding", "Forecast", "FuzzReport", "GrpcResponse", "ImportType", "KeySet", "LogLine", "Metric", "ModuleFacts",
    "NotCompared", "Pair", "Parity", "ProfileReport", "ReplayReport", "Trap", "TreeNode",
}  # fmt: skip
def public_objects():
    """Yield name and object of all public functions, of classes that people make objects of, and of their methods."""
    for module in map(importlib.import_module, PUBLIC):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value):
                yield f"{module.__name__}.{name}", value
                members = ((key, getattr(member, "__func__", member)) for key, member in vars(value).items())
                public = [(key, member) for key, member in members if inspect.isfunction(member) and not key.startswith("_")]
                yield from ((f"{module.__name__}.{name}.{key}", member) for key, member in public if f"{name}.{key}" not in INTERNAL)
            elif inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def docstring(name, value):
    """Return a docstring; a method without one has that of its base class."""
    if inspect.isfunction(value) and not value.__doc__ and value.__qualname__.count(".") == 1:
        owner = getattr(inspect.getmodule(value), value.__qualname__.partition(".")[0])
        return inspect.getdoc(getattr(owner, name.rpartition(".")[2])) or ""
    return inspect.getdoc(value) or ""


def section(doc, title):
    """Return the entries of a section of a docstring: name -> text."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[^\n]*\n-{{3,}}|\Z)", doc, re.DOTALL | re.MULTILINE)
    entries, names = {}, []
    for line in found[1].splitlines() if found else ():
        if line[:1].strip():
            names = re.findall(r"[\w*]+", line) if not names or entries[names[0]] else names + re.findall(r"[\w*]+", line)
            entries |= {name.lstrip("*"): "" for name in names}
            names = [name.lstrip("*") for name in names]
        elif names:
            entries |= {name: f"{entries[name]} {line.strip()}".strip() for name in names}
    return entries


def parameters(value):
    """Return the parameters of a function, or of a class that has a constructor of its own."""
    if inspect.isclass(value):
        if getattr(value, "_is_protocol", False) or value.__name__ in OBTAINED or issubclass(value, enum.Enum):
            return []
        if not dataclasses.is_dataclass(value) and "__init__" not in vars(value) and not hasattr(value, "_fields"):
            return []
    return [p for p in inspect.signature(value).parameters.values() if p.name != "self" and p.name != "cls" and not p.name.startswith("_")]


def entries_of(value, doc):
    """Return the text about each parameter of a function or class."""
    entries = (section(doc, "Attributes") if inspect.isclass(value) else {}) | section(doc, "Parameters")
    names = [p.name for p in parameters(value)]
    summary = doc.partition("\n\n")[0]
    if len(names) == 1 and f"`{names[0]}`" in summary:
        return {names[0]: summary} | entries
    return entries


def undocumented(name, value):
    """Return the parameters that a docstring doesn't list."""
    entries = entries_of(value, docstring(name, value))
    return [p.name for p in parameters(value) if not entries.get(p.name)]


def without_default(name, value):
    """Return the parameters whose entry doesn't state the default."""
    entries = entries_of(value, docstring(name, value))
    optional = [] if value.__name__ in RESULTS else [p.name for p in parameters(value) if p.default is not p.empty]
    return [n for n in optional if n in entries and not re.search(r"[Dd]efault|[Ww]ithout", entries[n])]


def lacks_result(name, value):
    """Return whether a function returns something, and its docstring has neither a section Returns nor a summary about the result."""
    if inspect.isclass(value) or inspect.signature(value).return_annotation in (None, "None", "NoReturn", inspect.Signature.empty):
        return False
    doc = docstring(name, value)
    return not (section(doc, "Returns") or section(doc, "Yields") or re.search(r"\b(return|yield)s?\b", doc.partition("\n\n")[0], re.IGNORECASE))


@cache
def wasmnb_errors():
    """Return the names of the exceptions that the public modules define."""
    values = [getattr(module, name) for module in map(importlib.import_module, PUBLIC) for name in module.__all__]
    return frozenset(v.__name__ for v in values if inspect.isclass(v) and issubclass(v, Exception) and v.__module__.startswith("wasmnb"))


def undocumented_errors(name, value):
    """Return the errors of wasmnb that a function raises itself, and its docstring doesn't list."""
    doc = docstring(name, value)
    known = set(section(doc, "Raises")) | set(re.findall(r"Raises\s+`?(\w+)", doc))
    tree = ast.parse(textwrap.dedent(inspect.getsource(value)) if inspect.isfunction(value) else "")
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    raised = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return sorted(raised & wasmnb_errors() - known)


def invented(value):
    """Return the parameters that a docstring lists and the signature doesn't have."""
    signature = inspect.signature(value).parameters
    keywords = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    return [] if keywords else sorted(set(section(inspect.getdoc(value) or "", "Parameters")) - set(signature))


def faults(check):
    """Return name -> result of the check for all public objects that the check finds fault with."""
    return {name: fault for name, value in public_objects() if (fault := check(name, value))}


def test_docstrings_list_every_parameter():
    assert len(dict(public_objects())) > 600
    assert faults(undocumented) == {}


def test_docstrings_list_no_other_parameters():
    assert faults(lambda _, value: inspect.isfunction(value) and invented(value)) == {}


def test_docstrings_state_every_default():
    assert faults(without_default) == {}


def test_docstrings_describe_every_result():
    assert faults(lacks_result) == {}


def test_docstrings_list_errors_that_the_function_raises_itself():
    assert faults(undocumented_errors) == {}


def test_docstrings_of_hostcalls_name_the_function_of_the_abi_and_its_errors():
    docs = {name: inspect.getdoc(getattr(hostcalls, name)) for name in hostcalls.__all__}
    assert [name for name, doc in docs.items() if f"`proxy_{name}`" not in doc or not section(doc, "Raises")] == []


def test_classes_without_a_public_constructor_exist():
    classes = {name.rpartition(".")[2] for name, value in public_objects() if inspect.isclass(value)}
    assert classes >= OBTAINED | RESULTS


def test_checks_find_faults():
    def function(first, second, fourth=4) -> int:
        """Do something to `second`.

        Parameters
        ----------
        first
            One.
        third
            Another one.
        fourth
            A number.
        """
        raise UsageError(first)

    assert (undocumented("function", function), invented(function)) == (["second"], ["third"])
    assert (without_default("function", function), lacks_result("function", function)) == (["fourth"], True)
    assert undocumented_errors("function", function) == ["UsageError"]


def test_single_parameter_may_be_in_the_summary():
    def function(name) -> bool:
        """Return whether `name` is known."""

    assert (undocumented("function", function), lacks_result("function", function)) == ([], False)
