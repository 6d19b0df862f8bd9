"""Log levels, bad memory, effective context, foreign functions, time."""

from ..scenario import Scenario, Send, maker

S = maker("calls")

SCENARIOS: list[Scenario] = [
    S(
        "addresses outside memory",
        [Send()],
        """
        on_request_headers:
            get_header_map_value REQUEST_HEADERS at:4294967280:5
            !get_header_map_value REQUEST_HEADERS :path
            !get_header_map_value REQUEST_HEADERS nope
            add_header_map_value REQUEST_HEADERS a at:4294967280:5
            replace_header_map_value REQUEST_HEADERS at:4294967280:5 v
            remove_header_map_value REQUEST_HEADERS at:4294967280:5
            !get_header_map_pairs REQUEST_HEADERS
            set_header_map_pairs REQUEST_HEADERS at:4294967280:5
            !get_header_map_size REQUEST_HEADERS
            log INFO at:4294967280:5
            get_property at:4294967280:5
            !get_property request/path
            set_property foo at:4294967280:5
            set_property at:4294967280:5 v
            send_local_response 403 d at:4294967280:5 _ -1
            send_local_response 403 d b at:4294967280:5 -1
            !get_buffer_bytes VM_CONFIGURATION 0 5
            !get_buffer_status HTTP_REQUEST_BODY
            http_call at:4294967280:5 :method=GET&:path=/&:authority=a _ _ 100
            http_call up at:4294967280:5 _ _ 100
            !get_current_time_nanoseconds
            !get_log_level
            !get_status
            get_shared_data at:4294967280:5
            set_shared_data k at:4294967280:5 0
            set_shared_data k v 0
            !get_shared_data k
            register_shared_queue at:4294967280:5
            !register_shared_queue q
            resolve_shared_queue at:4294967280:5 q
            enqueue_shared_queue 1 at:4294967280:5
            define_metric COUNTER at:4294967280:5
            !define_metric COUNTER c
            call_foreign_function at:4294967280:5 x
            call_foreign_function compress at:4294967280:5
            !call_foreign_function compress x
            grpc_call at:4294967280:5 s m _ x 100
            grpc_stream at:4294967280:5 s m _
        """,
    ),
    S(
        "every log level",
        [Send()],
        """
        on_request_headers:
            log TRACE t
            log DEBUG d
            log INFO i
            log WARN w
            log ERROR e
            log CRITICAL c
            log 6 x
            log 99 y
            log INFO _
            get_log_level
        """,
    ),
    S(
        "done and set_effective_context",
        [Send()],
        """
        on_request_headers:
            done
            set_effective_context 0
            set_effective_context 1
            set_effective_context 999
            done
            get_status
        on_done:
            set_effective_context 1
        on_delete:
            set_effective_context 1
        """,
    ),
    S(
        "foreign functions",
        [Send()],
        """
        on_request_headers:
            call_foreign_function nope _
            call_foreign_function compress hello
            call_foreign_function uncompress zzzz
            call_foreign_function uncompress x%9c%cbH%cd%c9%c9%07%00%06%2c%02%15
            call_foreign_function expr_create request.path
            call_foreign_function expr_evaluate %00%00%00%00
            call_foreign_function expr_evaluate %09%00%00%00
            call_foreign_function expr_create ((
            call_foreign_function expr_delete %00%00%00%00
            call_foreign_function expr_evaluate %00%00%00%00
            call_foreign_function verify_signature _
            call_foreign_function sign _
            call_foreign_function declare_property _
            call_foreign_function set_envoy_filter_state _
            call_foreign_function clear_route_cache _
        """,
    ),
    S(
        "the foreign function compress",
        [Send()],
        """
        on_request_headers:
            call_foreign_function compress _
            call_foreign_function compress a
            call_foreign_function compress repeat:a:2000
            call_foreign_function compress repeat:%00:40000
            call_foreign_function compress abcabcabcabcabcabcabcabdabcabcabcabcabcxabcabcabcabcabc
            call_foreign_function compress {"id":1,"name":"n1"},{"id":2,"name":"n2"},{"id":30,"name":"n30"},{"id":31,"name":"n31"}
            call_foreign_function compress the%20quick%20brown%20fox%20jumps%20over%20the%20lazy%20dog,%20and%20the%20dog%20jumps%20over%20the%20fox
            call_foreign_function compress %00%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%fe%ff%00%01%02%03%04%05%06%07%08%09%0a%0b
        """,
    ),
    S(
        "the clock",
        [Send()],
        """
        on_request_headers:
            get_current_time_nanoseconds
        """,
    ),
    S(
        "effective context: the root, then the stream again",
        [Send()],
        """
        on_request_headers:
            set_effective_context 1
            get_header_map_value REQUEST_HEADERS :path
            get_property request/path
            get_property plugin_name
            set_effective_context stream
            get_header_map_value REQUEST_HEADERS :path
            get_property request/path
        """,
    ),
    S(
        "foreign functions use the calling context",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 500
            return 1
        on_http_call_response:
            set_effective_context stream
            get_property request/path
            call_foreign_function expr_create request.path
            call_foreign_function expr_evaluate %00%00%00%00
            continue_stream REQUEST
        """,
    ),
]
