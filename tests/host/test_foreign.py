"""Foreign functions: compression, expressions, signatures, declared properties."""

import shutil
import subprocess
import sys
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.host.host_kit import said, scripted_proxy
from wasmnb.abi import Status
from wasmnb.abi.protobuf_wire import write_field
from wasmnb.parsing import protobuf
from wasmnb.host.foreign_functions import cel, signatures
from wasmnb.host.foreign_functions.cel_attributes import cel_value
from wasmnb.host.foreign_functions.functions import FOREIGN


def value(text, **names):
    def look(name):
        if name not in names:
            raise cel.CelError(name)
        return names[name]

    return cel.parse(text)(lambda name: cel_value(look(name)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3),
        ("-7 % 3", -1),
        ("1.5 + 1.0", 2.5),
        ("'a' + \"b\"", "ab"),
        ("!true || 1 < 2", True),
        ("true ? 1 : 2", 1),
        ("2 in [1, 2, 3]", True),
        ("{'a': 1}['a']", 1),
        ("size('abc') == 3", True),
        ("m.k.startsWith('v')", True),
        ("has(m.k) && !has(m.z)", True),
        ("m.z == 1 || true", True),
        ("string(12) == '12' && int('12') == 12", True),
        ("'abc'.matches('^a.c$')", True),
        ("0x10 == 16u", True),
        (f"double('0x{'f' * 400}') == 1.0 / 0.0", True),
        ("[1].map(x, [2].map(y, x + y)) == [[3]]", True),
    ],
)
def test_expressions_have_the_values_of_cel(text, expected):
    assert value(text, m={"k": b"value"}) == expected


@pytest.mark.parametrize("text", ["((", "1 +", "a.", "'unfinished", "1 2", "f(", "[1", "#", "", "(" * 500])
def test_invalid_expression_does_not_parse(text):
    with pytest.raises(cel.CelSyntaxError, match="ERROR: <input>:1:"):
        cel.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "nope", "m.z", "1 + 'a'", "1 / 0", "9223372036854775807 * 4", "'a'.matches('(a|a)*b')", "+".join(["1"] * 5000),
        f"[{', '.join('1' * 1000)}].all(a, [{', '.join('1' * 1000)}].all(b, true))",
        "['a'].map(x0, " + "".join(f"[x{i} + x{i} + x{i} + x{i}].map(x{i + 1}, " for i in range(20)) + "x20" + ")" * 21,
        "'a'.matches('b*+')", "'a'.matches('(?=a)')", "int('1_000')", "uint(-1)", "true + true", "1u + 1",
    ],
)
def test_expression_without_a_value_raises_cel_error(text):
    with pytest.raises(cel.CelError):
        value(text, m={})


@pytest.mark.parametrize(
    ("text", "message"),
    [("unknown(1)", "No overloads"), ("size()", "No overloads"), ("true || 'a'.trim()", "No overloads"), ("a.B{c: 1}", "'a.B'")],
)
def test_unknown_function_or_type_is_reported_before_the_evaluation(text, message):
    with pytest.raises(cel.CelCompileError, match=message):
        cel.parse(text)


@settings(max_examples=3 * settings.default.max_examples, deadline=None)
@given(st.text(alphabet="()[]{}+-*/%<>=!&|?:., \t'\"ab12inu\\`x", max_size=40))
def test_random_text_parses_or_raises_syntax_error(text):
    try:
        expression = cel.parse(text)
    except (cel.CelSyntaxError, cel.CelCompileError):
        return
    try:
        expression(lambda name: {"a": 1, "b": "x"}.get(name, True))
    except cel.CelError:
        pass


def test_filter_creates_evaluates_and_deletes_expressions():
    script = """
    on_request_headers:
        call_foreign_function expr_create request.path
        call_foreign_function expr_evaluate %00%00%00%00
        call_foreign_function expr_create request.headers['x-a']%20==%20'1'
        call_foreign_function expr_evaluate %01%00%00%00
        call_foreign_function expr_delete %00%00%00%00
        call_foreign_function expr_evaluate %00%00%00%00
    """
    with scripted_proxy(one_line_each(script)) as proxy:
        lines = said(proxy.get("/p", headers=[("x-a", "1")]))
        results = [line.rpartition("-> ")[2] for line in lines if "expr_" in line]
        assert results[1] == "OK n=2 [/p]"
        assert results[3] == "OK n=1 [\\x01]"
        assert results[5].startswith("NOT_FOUND")


def one_line_each(script):
    """Convert to the scripted guest's rules, one line each: `callback: statement; statement`."""
    rules, callback = [], ""
    for line in filter(None, (line.strip() for line in script.splitlines())):
        if line.endswith(":"):
            callback = line
            rules.append(callback)
        else:
            rules[-1] += (" " if rules[-1] == callback else "; ") + line
    return "\n".join(rules)


@pytest.mark.slow
def test_uncompress_refuses_decompression_bombs():
    bomb = zlib.compress(bytes(1 << 29))
    assert FOREIGN["uncompress"](None, bomb)[0] == Status.SERIALIZATION_FAILURE
    assert FOREIGN["uncompress"](None, zlib.compress(b"x" * 1000)) == (Status.OK, b"x" * 1000)


# -- signatures -----------------------------------------------------------------------------------------------------

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


def run(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


def message(**fields):
    numbers = {"hash": 1, "der": 2, "third": 3, "fourth": 4, "fifth": 5}
    return b"".join(write_field(numbers[k], v) for k, v in fields.items())


@openssl
@pytest.mark.parametrize("kind", ["rsa", "P-256", "P-384"])
@pytest.mark.parametrize("name", ["sha1", "sha256", "sha512"])
def test_signatures_agree_with_openssl(tmp_path, kind, name):
    options = (
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]
        if kind == "rsa"
        else ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
    )
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    key.write_bytes(run("genpkey", *options))
    public.write_bytes(run("pkey", "-in", str(key), "-pubout"))
    private_der = run("pkcs8", "-topk8", "-nocrypt", "-in", str(key), "-outform", "DER")
    public_der = run("pkey", "-in", str(key), "-pubout", "-outform", "DER")
    text = b"signed text"

    theirs = run("dgst", f"-{name}", "-sign", str(key), data=text)
    ok = signatures.verify(None, message(hash=name.encode(), der=public_der, third=theirs, fourth=text))
    assert ok == (Status.OK, b"\x08\x01")
    ok = signatures.verify(None, message(hash=name.encode(), third=theirs, fourth=text, fifth=public.read_bytes()))
    assert ok == (Status.OK, b"\x08\x01")
    status, wrong = signatures.verify(
        None, message(hash=name.encode(), der=public_der, third=theirs, fourth=text + b"!")
    )
    assert status == Status.OK
    assert b"Failed to verify" in wrong

    status, ours = signatures.sign(None, message(hash=name.encode(), der=private_der, third=text))
    assert status == Status.OK
    signature = tmp_path / "signature"
    signature.write_bytes(protobuf.read(ours)[2][0])
    assert b"Verified OK" in run("dgst", f"-{name}", "-verify", str(public), "-signature", str(signature), data=text)


@pytest.mark.parametrize("data", [b"", message(hash=b"sha256"), message(hash=b"sha256", der=b"x", fifth=b"y"), b"\xff"])
def test_missing_or_second_key_returns_bad_argument(data):
    assert signatures.verify(None, data)[0] == Status.BAD_ARGUMENT


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=80))
def test_random_keys_and_signatures_return_ok(key, signature):
    data = message(hash=b"sha256", der=key or b"x", third=signature, fourth=b"t")
    assert signatures.verify(None, data)[0] == Status.OK
    assert signatures.sign(None, message(hash=b"sha256", der=key or b"x", third=b"t"))[0] == Status.OK


def private(key, encoding=Encoding.DER, form=PrivateFormat.PKCS8):
    return key.private_bytes(encoding, form, NoEncryption())


def public(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
NO_PUBLIC_KEY = b"Failed to initialize digest verify."
NO_PRIVATE_KEY = b"Invalid key type: private key required for signing operation."


@pytest.mark.parametrize("curve", [ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_all_nist_curves_sign_and_verify(curve):
    key = ec.generate_private_key(curve())
    _, result = signatures.sign(None, message(hash=b"SHA256", der=private(key), third=b"t"))
    signature = protobuf.read(result)[2][0]
    checked = signatures.verify(None, message(hash=b"sha256", der=public(key), third=signature, fourth=b"t"))
    assert checked == (Status.OK, b"\x08\x01")


def test_ecdsa_signatures_are_deterministic():
    request = message(hash=b"sha256", der=private(P256), third=b"t")
    assert signatures.sign(None, request) == signatures.sign(None, request)


@pytest.mark.parametrize(
    ("fields", "error"),  # Envoy 1.40's own texts, recorded with these keys
    [
        ({"hash": b"md5", "der": b"x"}, b"md5 is not supported."),
        ({"der": b"x"}, b" is not supported."),
        ({"hash": b"sha256", "der": b"x"}, NO_PUBLIC_KEY),
        ({"hash": b"sha256", "fifth": b"x"}, NO_PUBLIC_KEY),
        ({"hash": b"sha256", "der": private(RSA)}, NO_PUBLIC_KEY),
        ({"hash": b"sha256", "der": public(ed25519.Ed25519PrivateKey.generate())}, NO_PUBLIC_KEY),
        ({"hash": b"sha256", "der": public(ec.generate_private_key(ec.SECP256K1()))}, NO_PUBLIC_KEY),
        ({"hash": b"sha256", "der": public(RSA), "third": b"short"}, b"Failed to verify digest. Error code: 0"),
    ],
)
def test_verify_reports_errors_in_envoys_words(fields, error):
    status, result = signatures.verify(None, message(**fields))
    assert (status, protobuf.read(result)) == (Status.OK, {2: [error]})


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"hash": b"md5", "der": private(RSA)}, b"md5 is not supported."),
        ({"hash": b"sha256", "der": b"x"}, NO_PRIVATE_KEY),
        ({"hash": b"sha256", "fourth": b"x"}, NO_PRIVATE_KEY),
        ({"hash": b"sha256", "der": public(RSA)}, NO_PRIVATE_KEY),
        ({"hash": b"sha256", "der": private(RSA, form=PrivateFormat.TraditionalOpenSSL)}, NO_PRIVATE_KEY),
        ({"hash": b"sha256", "der": private(P256, form=PrivateFormat.TraditionalOpenSSL)}, NO_PRIVATE_KEY),
        ({"hash": b"sha256", "der": private(ec.generate_private_key(ec.SECP256K1()))}, NO_PRIVATE_KEY),
        (
            {"hash": b"sha256", "der": private(ed25519.Ed25519PrivateKey.generate())},
            b"Invalid private key: key data is corrupted or malformed.",
        ),
    ],
)
def test_sign_reports_errors_in_envoys_words(fields, error):
    status, result = signatures.sign(None, message(third=b"t", **fields))
    assert (status, protobuf.read(result)) == (Status.OK, {3: [error]})


@openssl
def test_digest_longer_than_the_key_is_not_signed():
    key = run("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", data=run("genrsa", "512"))
    _, result = signatures.sign(None, message(hash=b"sha512", der=key, third=b"t"))
    assert protobuf.read(result)[3] == [b"Failed to create signature."]


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_pem_may_hold_any_private_key_format_after_other_text(form):
    pem = b"# a key\n" + private(RSA, Encoding.PEM, form)
    _, result = signatures.sign(None, message(hash=b"sha1", third=b"t", fourth=pem))
    assert 2 in protobuf.read(result)


def test_bytes_after_the_der_are_ignored():
    _, result = signatures.sign(None, message(hash=b"sha256", der=private(RSA) + b"\0\0", third=b"t"))
    signature = protobuf.read(result)[2][0]
    request = message(hash=b"sha256", der=public(RSA) + b"\0\0", third=signature, fourth=b"t")
    assert signatures.verify(None, request) == (Status.OK, b"\x08\x01")


@pytest.mark.parametrize("size", [3_000, 0x30000])
def test_oversized_key_is_refused(size):
    content = b"\x02\x01\x00\x30" + b"\x7f" * size
    key = b"\x30\x83" + len(content).to_bytes(3, "big") + content
    _, result = signatures.sign(None, message(hash=b"sha256", der=key, third=b"t"))
    assert protobuf.read(result)[3] == [NO_PRIVATE_KEY + b" Keys above 4096 bits are not simulated."]


@pytest.mark.slow
def test_proxy_without_signatures_does_not_import_cryptography():
    program = """
import sys
import wasmnb
from tests.host.host_kit import scripted_proxy
with scripted_proxy("on_request_headers: call_foreign_function compress abc") as proxy:
    assert proxy.get("/").response.status == 200
assert "cryptography" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
