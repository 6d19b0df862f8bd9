"""Keys and signed tokens for tests."""

import base64
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
SECRET = b"0123456789abcdef0123456789abcdef"
SIZES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def signature(algorithm, text):
    if algorithm.startswith("HS"):
        return hmac.digest(SECRET, text, f"sha{algorithm[2:]}")
    if algorithm.startswith("RS"):
        return RSA_KEY.sign(text, padding.PKCS1v15(), SIZES[algorithm[2:]])
    if algorithm == "ES256":
        return b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(EC_KEY.sign(text, ec.ECDSA(hashes.SHA256()))))
    return ED_KEY.sign(text)


def token(algorithm, kid=None, header=None, **claims):
    head = {"alg": algorithm, **({"kid": kid} if kid else {}), **(header or {})}
    claims = {"sub": "ann", "exp": int(time.time()) + 100_000, **claims}
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(signature(algorithm, signed.encode()))}"


def jwks():
    r, e = RSA_KEY.public_key().public_numbers(), EC_KEY.public_key().public_numbers()
    raw = ED_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {
        "keys": [
            {"kty": "RSA", "kid": "r", "use": "sig", "n": number(r.n), "e": number(r.e)},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": number(e.x), "y": number(e.y), "alg": "ES256"},
            {"kty": "OKP", "kid": "o", "crv": "Ed25519", "x": b64(raw)},
            {"kty": "oct", "kid": "h", "k": b64(SECRET)},
            {"kty": "EC", "kid": "p", "crv": "P-384", "x": "AA", "y": "AA"},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
        ]
    }
