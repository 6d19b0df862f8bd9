"""Text as bytes: the one place where the two meet, inside the guest and outside.

Facts: the ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again. Half of a surrogate pair, which JSON can spell and UTF-8
cannot, is written as U+FFFD.
"""

__all__ = ["decode_text", "encode_text"]


def encode_text(text: str) -> bytes:
    """Return text as UTF-8, surrogates as the bytes that they stand for. It never fails."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode_text(data: bytes) -> str:
    """Return bytes as text, with surrogates for those that are not UTF-8. It never fails."""
    return str(data, "utf-8", "surrogateescape")
