"""Conversion between text and bytes, for the host and the guest.

The ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again. Half of a surrogate pair, which JSON can spell and UTF-8
can't, is written as U+FFFD.
"""

__all__ = ["decode_text", "encode_text"]


def encode_text(text: str) -> bytes:
    """Return text as UTF-8, with surrogates as the bytes that they stand for. Never fails."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode_text(data: bytes) -> str:
    """Return bytes as text, with surrogates for bytes that are not UTF-8. Never fails."""
    return str(data, "utf-8", "surrogateescape")
