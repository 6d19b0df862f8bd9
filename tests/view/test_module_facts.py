"""Facts about a module, as in `wasmnb inspect`."""

from types import SimpleNamespace

from wasmnb.abi import AbiVersion
from wasmnb.compiler.glue import INTROSPECTION
from wasmnb.view import facts_html, facts_text


def facts(**over):
    fields = {
        "kind": "core", "abi_version": AbiVersion.V0_2_1, "imports": ["proxy_log", "odd"],
        "exports": ["proxy_on_request_headers", "memory"], "sections": {"code": 900, "data": 100}, "memory": 65536, "problems": [],
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **over})


def test_loadable_module_is_confirmed():
    text = facts_text(facts(), "a.wasm", 1024)
    assert "a.wasm   core Wasm module · Proxy-Wasm ABI 0.2.1 · 1.02 kB" in text
    assert "✓ Envoy can load this module" in text
    assert "callbacks  on_request_headers" in text


def test_problems_are_listed_as_sentences():
    text = facts_text(facts(problems=["It imports env.odd, which Envoy does not have."], abi_version=None))
    assert "✗ Envoy would reject this module:" in text
    assert "• It imports env.odd, which Envoy does not have." in text
    assert "no Proxy-Wasm ABI marker" in text


def test_unknown_imports_come_first_and_are_marked():
    assert "? odd" in facts_text(facts())


def test_exports_of_every_filter_are_known():
    assert "?" not in facts_text(facts(exports=["proxy_on_request_headers", INTROSPECTION], imports=[]))


def test_hostile_names_are_escaped():
    assert "<b>" not in facts_html(facts(exports=["<b>x"]), "<b>", 1)
