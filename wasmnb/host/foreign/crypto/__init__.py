"""Public-key signatures, for the foreign functions that check and make them: RSA (PKCS #1 v1.5), and ECDSA on P-256 and P-384.

    keys        from DER or PEM to a key that can verify or sign
    rsa, ecdsa  the two kinds
    der         the encoding of keys and of ECDSA's signatures

The arithmetic is plain and takes no care of timing: it is for filters under test, not for secrets.

References: RFC 8017 (RSA), FIPS 186-5 and RFC 6979 (ECDSA with a nonce made from key and digest), RFC 5280 and 5958 (keys).
"""

from .der import Invalid
from .keys import der_of, private_key, public_key

__all__ = ["Invalid", "der_of", "private_key", "public_key"]
