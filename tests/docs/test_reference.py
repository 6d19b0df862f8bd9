"""docs/reference.md: current, and complete."""

import dataclasses
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import wasmnb

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


#: Sentence that refers to the parameters of another function.
ELSEWHERE = re.compile(r"(parameters|options)\b[^.]* (are|as) |\b[Aa]s (for )?`[\w.]+`|, as `[\w.]+` (does|documents)")


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


def listed(doc, title):
    """Return the names in a section of a docstring."""
    section = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[^\n]*\n-{{3,}}|\Z)", doc, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"[\w*]+", " ".join(re.findall(r"^\S.*$", section[1], re.MULTILINE)))) if section else set()


def parameters(value):
    """Return the names of the parameters of a function, or of a class that has a constructor of its own."""
    if inspect.isclass(value):
        if getattr(value, "_is_protocol", False) or value.__name__ in OBTAINED:
            return []
        if not dataclasses.is_dataclass(value) and "__init__" not in vars(value):
            return list(getattr(value, "_fields", ()))
    return [p for p in inspect.signature(value).parameters if p not in ("self", "cls")]


def undocumented(value):
    """Return the parameters that a docstring doesn't list. A single parameter may be clear from the sentence and needn't be listed."""
    doc, names = inspect.getdoc(value) or "", parameters(value)
    known = listed(doc, "Parameters") | (listed(doc, "Attributes") if inspect.isclass(value) else set())
    if not inspect.isclass(value) and (ELSEWHERE.search(doc) or (len(names) == 1 and not known)):
        return []
    return [name for name in names if name not in known and f"`{name}`" not in doc]


def invented(value):
    """Return the parameters that a docstring lists and the signature doesn't have."""
    keywords = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(value).parameters.values()) if inspect.isfunction(value) else False
    return [] if keywords else sorted(listed(inspect.getdoc(value) or "", "Parameters") - set(inspect.signature(value).parameters) - {"*"})


def test_docstrings_list_every_parameter():
    objects = dict(public_objects())
    assert len(objects) > 600
    assert {name: missing for name, value in objects.items() if (missing := undocumented(value))} == {}


def test_docstrings_list_no_other_parameters():
    functions = {name: value for name, value in public_objects() if inspect.isfunction(value)}
    assert {name: extra for name, value in functions.items() if (extra := invented(value))} == {}


def test_classes_without_a_public_constructor_exist():
    assert {name.rpartition(".")[2] for name, value in public_objects() if inspect.isclass(value)} >= OBTAINED


def test_check_finds_missing_and_invented_parameters():
    def function(first, second):
        """Do something.

        Parameters
        ----------
        first
            One.
        third
            Another one.
        """

    assert (undocumented(function), invented(function)) == (["second"], ["third"])
