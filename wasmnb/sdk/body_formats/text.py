"""Text of a chunk, which has only whole characters, and the error for bytes that are not text.

Facts: a chunk can end inside a character. Its first bytes then move to the start of the next chunk, in the proxy's buffer,
so that every chunk has whole characters, whether the filter changes them or not. Bytes of another character set become
surrogates, which are written back as the same bytes.
"""

from json import JSONDecodeError
from types import FrameType
from typing import Any

from ...abi import BufferType
from ..diagnostics.hostcall_causes import running_frame
from ..errors import ContentError
from ..messages.encoding import decode
from ..tasks.context_waits import waits_of
from .coding import compressed_format, no_text

__all__ = ["content_error", "decoded_text", "json_error", "refuse_cut_number", "text_of"]

_SIDES = {int(BufferType.HTTP_REQUEST_BODY): "request", int(BufferType.HTTP_RESPONSE_BODY): "response"}


def text_of(body: Any, buffer_type: int, data: bytes, error: UnicodeDecodeError) -> str:
    """Return the text of bytes that can't be decoded as UTF-8.

    Parameters
    ----------
    body, buffer_type
        The body that the bytes were read from, and the number of its buffer.
    data, error
        The bytes, and the error raised when they were decoded.

    Raises
    ------
    ContentError
        The bytes are compressed or binary.
    """
    side = _SIDES.get(buffer_type, "")
    reason = no_text(data) if side else ""
    if reason:
        raise ContentError(
            f"the {side} body is not text: {reason}. Use `content = await self.{side}.content()` in the headers callback, or "
            "read the bytes with get()"
        )
    frame = _callback_of_chunk(side) if _is_cut(data, error) else None
    if frame is None:
        return decode(data)
    body.set(data[: error.start])
    waits_of(frame.f_locals["context"]).cut_characters[side] = data[error.start :]
    return data[: error.start].decode()


def _is_cut(data: bytes, error: UnicodeDecodeError) -> bool:
    """Return whether only the last character is incomplete."""
    return error.end == len(data) and error.reason == "unexpected end of data"


def _callback_of_chunk(side: str) -> FrameType | None:
    """Return the dispatcher's frame of the body callback for this message, if it runs now and another chunk follows."""
    frame = running_frame()
    if not side or frame is None or frame.f_code.co_name != f"on_{side}_body" or frame.f_locals["end_of_stream"]:
        return None
    context = frame.f_locals["context"]
    waits = context._waits
    is_active = context._vm.active is context
    return frame if is_active and (waits is None or side not in waits.callbacks) else None


def decoded_text(data: bytes) -> str:
    """Return whole content as text. Raises ContentError if it is compressed or binary."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if reason := no_text(data):
            raise _not_text(data, error, reason) from None
    return decode(data)


def content_error(data: bytes, error: ValueError) -> ValueError:
    """Return the exception for whole content that is not JSON; its message says if the content is compressed or binary."""
    reason = no_text(data) if isinstance(error, UnicodeDecodeError) else ""
    return _not_text(data, error, reason) if reason else error


def _not_text(data: bytes, error: ValueError, reason: str) -> ContentError:
    coding = compressed_format(data)
    advice = f", and its message has no such header. decompress(data, {coding!r}) decodes it." if coding else "."
    return ContentError(f"{error}. The content is not text: {reason}{advice}")


def json_error(buffer_type: int, data: bytes, error: ValueError) -> ContentError:
    """Return the exception for a body that is not JSON; its message says if it is only a chunk, or compressed."""
    side = _SIDES.get(buffer_type, "")
    reason = no_text(data) if side and isinstance(error, UnicodeDecodeError) else ""
    if reason:
        return ContentError(
            f"{error}. The {side} body is not text: {reason}; read it with `await self.{side}.content()`."
        )
    hint = _chunk_hint(buffer_type) if isinstance(error, JSONDecodeError | UnicodeDecodeError) else ""
    return ContentError(f"{error}. {hint}" if hint else str(error))


def refuse_cut_number(buffer_type: int) -> None:
    """Raise ContentError if a chunk that is only a number isn't the last one: the digits may continue in the next chunk."""
    hint = _chunk_hint(buffer_type)
    if hint:
        raise ContentError(f"the number may be incomplete. {hint}")


def _chunk_hint(buffer_type: int) -> str:
    """Return advice if a body may be incomplete because the callback sees only a chunk; empty if it sees the whole body."""
    side = _SIDES.get(buffer_type, "")
    if _callback_of_chunk(side) is None:
        return ""
    return (
        f"on_http_{side}_body sees a chunk here, not the whole body: return Action.PAUSE until end_of_stream is true, or use "
        f"`await self.{side}_body()`."
    )
