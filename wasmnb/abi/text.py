"""Conversion between text and bytes, for both the host and the guest.

The ABI passes bytes and never decodes them. Invalid UTF-8 is decoded to surrogates (`surrogateescape`), which are encoded as
the same bytes again. Other lone surrogates, which JSON can contain but UTF-8 can't, are encoded as U+FFFD.
"""

__all__ = ["decode_text", "encode_text"]


def encode_text(text: str) -> bytes:
    """Encode text as UTF-8. Surrogates created by `decode_text` become the original bytes. Never fails."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode_text(data: bytes) -> str:
    """Decode UTF-8. Invalid bytes become surrogates. Never fails."""
    return str(data, "utf-8", "surrogateescape")
