"""Dispatch of the callbacks for HTTP streams.

Each method is written out without helper functions, because every call would add to the cost of a request. While an `async def`
callback waits, its context has a `ContextWaits`, which receives the later callbacks of the same direction.
"""

from types import CoroutineType

from ...abi import Action
from ..errors import ContentError
from ..http_states import CLOSED, PAUSED
from .core import Core

__all__ = ["Http"]

#: Mark for `..diagnostics.hostcall_causes`, which searches the stack for the running callback.
RUNS_CALLBACKS = True

_CONTINUE, _PAUSE = Action.CONTINUE, Action.PAUSE


class Http(Core):
    """The dispatcher's methods for headers, bodies, trailers and metadata of requests and responses."""

    def on_request_headers(self, context_id: int, num_headers: int, end_of_stream: int) -> int:
        """Call the filter's `on_http_request_headers`. Creates the stream's context if it is new."""
        try:
            # Nearly always a new stream. Calling `__missing__` would leave and enter the interpreter once more.
            http = self._http
            self.vm.active = context = http[context_id] if context_id in http else http.make(context_id)
            result = context.on_http_request_headers(num_headers, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            if result is _PAUSE:  # a fast path for the most frequent case of `_stream_result`
                # A call of `_paused` would make the most frequent case, a local response, more expensive.
                context._request_state = PAUSED
                return 1
            return self._stream_result(context, "on_http_request_headers", result, end_of_stream)
        except ContentError as error:
            return self._end_stream(context, "on_http_request_headers", error)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_body(self, context_id: int, body_size: int, end_of_stream: int) -> int:
        """Call the filter's `on_http_request_body`."""
        try:
            self.vm.active = context = self._http[context_id]
            if context._waits is None:
                result = context.on_http_request_body(body_size, end_of_stream != 0)
            else:
                result = context._waits.call(context, "on_http_request_body", body_size, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            return self._stream_result(context, "on_http_request_body", result, end_of_stream)
        except ContentError as error:
            return self._end_stream(context, "on_http_request_body", error)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_trailers(self, context_id: int, num_trailers: int) -> int:
        """Call the filter's `on_http_request_trailers`."""
        try:
            self.vm.active = context = self._http[context_id]
            if context._waits is None:
                result = context.on_http_request_trailers(num_trailers)
            else:
                result = context._waits.call(context, "on_http_request_trailers", num_trailers)
            if result is None or result is _CONTINUE:
                return 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            return self._stream_result(context, "on_http_request_trailers", result, True)
        except ContentError as error:
            return self._end_stream(context, "on_http_request_trailers", error)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_request_metadata(self, context_id: int, num_elements: int) -> int:
        """Call the filter's `on_http_request_metadata`."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_request_metadata(num_elements)  # type: ignore[func-returns-value]
            if result is not None:
                self._ignored(context, "on_http_request_metadata", result)
        except BaseException as error:
            self.vm.report(error)
            raise
        return 0

    def on_response_headers(self, context_id: int, num_headers: int, end_of_stream: int) -> int:
        """Call the filter's `on_http_response_headers`."""
        vm = self.vm
        try:
            vm.active = context = self._http[context_id]
            vm.responding = context_id
            result = context.on_http_response_headers(num_headers, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            return self._stream_result(context, "on_http_response_headers", result, end_of_stream)
        except ContentError as error:
            return self._end_stream(context, "on_http_response_headers", error)
        except BaseException as error:
            vm.report(error)
            raise
        finally:
            vm.responding = -1

    def on_response_body(self, context_id: int, body_size: int, end_of_stream: int) -> int:
        """Call the filter's `on_http_response_body`."""
        try:
            self.vm.active = context = self._http[context_id]
            if context._waits is None:
                result = context.on_http_response_body(body_size, end_of_stream != 0)
            else:
                result = context._waits.call(context, "on_http_response_body", body_size, end_of_stream != 0)
            if result is None or result is _CONTINUE:
                return 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            return self._stream_result(context, "on_http_response_body", result, end_of_stream)
        except ContentError as error:
            return self._end_stream(context, "on_http_response_body", error)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_response_trailers(self, context_id: int, num_trailers: int) -> int:
        """Call the filter's `on_http_response_trailers`. Pauses a closed stream, because Continue would crash Envoy."""
        try:
            self.vm.active = context = self._http[context_id]
            if context._waits is None:
                result = context.on_http_response_trailers(num_trailers)
            else:
                result = context._waits.call(context, "on_http_response_trailers", num_trailers)
            if result is None or result is _CONTINUE:
                return 1 if context._stream_state is CLOSED else 0
            if type(result) is CoroutineType:
                result = self._run(result, None)
                if result is None:
                    return 0
            return self._stream_result(context, "on_http_response_trailers", result, True)
        except ContentError as error:
            return self._end_stream(context, "on_http_response_trailers", error)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_response_metadata(self, context_id: int, num_elements: int) -> int:
        """Call the filter's `on_http_response_metadata`."""
        try:
            self.vm.active = context = self._http[context_id]
            result = context.on_http_response_metadata(num_elements)  # type: ignore[func-returns-value]
            if result is not None:
                self._ignored(context, "on_http_response_metadata", result)
        except BaseException as error:
            self.vm.report(error)
            raise
        return 0
