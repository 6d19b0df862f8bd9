"""Field names and types of the messages of Envoy's HTTP connection manager and of the simulated HTTP filters.

The types are explained in `..envoy_messages.schema`.

Reference:
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
"""

__all__ = ["MANAGER_ENUMERATIONS", "MANAGER_MESSAGES"]

#: Names of fields by message and type.
MANAGER_MESSAGES = {
    "HttpConnectionManager": {
        "text": "stat_prefix server_name via",
        "bool": "add_user_agent http1_safe_max_connection_duration flush_access_log_on_new_request use_remote_address "
        "skip_xff_append generate_request_id preserve_external_request_id always_set_request_id_in_response "
        "proxy_100_continue represent_ipv4_remote_address_as_ipv4_mapped_ipv6 normalize_path merge_slashes "
        "strip_matching_host_port strip_any_host_port stream_error_on_invalid_http_message "
        "strip_trailing_host_dot append_x_forwarded_port append_local_overload "
        "add_proxy_protocol_connection_state",
        "uint": "max_request_headers_kb xff_num_trusted_hops",
        "duration": "stream_idle_timeout stream_flush_timeout request_timeout request_headers_timeout drain_timeout "
        "delayed_close_timeout access_log_flush_interval",
        "CodecType": "codec_type",
        "RouteConfiguration": "route_config",
        "HttpProtocolOptions": "common_http_protocol_options",
        "Http1ProtocolOptions": "http_protocol_options",
        "Http2ProtocolOptions": "http2_protocol_options",
        "ServerHeaderTransformation": "server_header_transformation",
        "SchemeHeaderTransformation": "scheme_header_transformation",
        "[TypedExtensionConfig]": "original_ip_detection_extensions early_header_mutation_extensions",
        "InternalAddressConfig": "internal_address_config",
        "ForwardClientCertDetails": "forward_client_cert_details",
        "[ManagerUpgradeConfig]": "upgrade_configs",
        "PathWithEscapedSlashesAction": "path_with_escaped_slashes_action",
        "LocalReplyConfig": "local_reply_config",
        "TypedExtensionConfig": "typed_header_validation_config",
        "mapping": "rds scoped_routes tracing http3_protocol_options access_log_options set_current_client_cert_details "
        "forward_client_cert_matcher request_id_extension path_normalization_options proxy_status_config",
        "[mapping]": "http_filters access_log",
    },
    "HttpProtocolOptions": {
        "uint": "max_headers_count max_response_headers_kb max_requests_per_connection",
        "duration": "idle_timeout max_connection_duration max_stream_duration",
        "HeadersWithUnderscoresAction": "headers_with_underscores_action",
    },
    "Http1ProtocolOptions": {
        "text": "default_host_for_http_10",
        "bool": "allow_absolute_url accept_http_10 enable_trailers allow_chunked_length "
        "override_stream_error_on_invalid_http_message send_fully_qualified_url use_balsa_parser "
        "allow_custom_methods",
        "[StringMatcher]": "ignore_http_11_upgrade",
        "mapping": "header_key_format",
    },
    "Http2ProtocolOptions": {
        "bool": "allow_connect allow_metadata stream_error_on_invalid_http_messaging "
        "override_stream_error_on_invalid_http_message use_oghttp2_codec",
        "uint": "hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size "
        "max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload "
        "max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent",
        "mapping": "connection_keepalive max_metadata_size",
        "[mapping]": "custom_settings_parameters",
    },
    "SchemeHeaderTransformation": {
        "text": "scheme_to_overwrite",
        "bool": "match_upstream",
    },
    "InternalAddressConfig": {
        "bool": "unix_sockets",
        "[CidrRange]": "cidr_ranges",
    },
    "CidrRange": {
        "uint": "prefix_len",
        "address": "address_prefix",
    },
    "ManagerUpgradeConfig": {
        "text": "upgrade_type",
        "bool": "enabled",
        "[mapping]": "filters",
    },
    "LocalReplyConfig": {
        "[ResponseMapper]": "mappers",
        "SubstitutionFormatString": "body_format",
    },
    "ResponseMapper": {
        "uint": "status_code",
        "AccessLogFilter": "filter",
        "DataSource": "body",
        "SubstitutionFormatString": "body_format_override",
        "[HeaderValueOption]": "headers_to_add",
    },
    "AccessLogFilter": {
        "StatusCodeFilter": "status_code_filter",
        "AndFilter": "and_filter",
        "OrFilter": "or_filter",
        "HeaderFilter": "header_filter",
        "ResponseFlagFilter": "response_flag_filter",
        "mapping": "duration_filter not_health_check_filter traceable_filter runtime_filter grpc_status_filter "
        "extension_filter metadata_filter log_type_filter",
    },
    "StatusCodeFilter": {
        "ComparisonFilter": "comparison",
    },
    "ComparisonFilter": {
        "Op": "op",
        "RuntimeUInt32": "value",
    },
    "RuntimeUInt32": {
        "text": "runtime_key",
        "uint": "default_value",
    },
    "HeaderFilter": {
        "HeaderMatcher": "header",
    },
    "ResponseFlagFilter": {
        "[text]": "flags",
    },
    "AndFilter": {
        "[AccessLogFilter]": "filters",
    },
    "OrFilter": {
        "[AccessLogFilter]": "filters",
    },
    "HeaderMutationFilter": {
        "bool": "most_specific_header_mutations_wins",
        "Mutations": "mutations",
    },
    "HeaderMutationPerRoute": {
        "Mutations": "mutations",
    },
    "Mutations": {
        "[HeaderMutation]": "request_mutations response_mutations response_trailers_mutations request_trailers_mutations",
        "[KeyValueMutation]": "query_parameter_mutations",
    },
    "HeaderMutation": {
        "text": "remove",
        "HeaderValueOption": "append",
        "RemoveOnMatch": "remove_on_match",
    },
    "RemoveOnMatch": {
        "StringMatcher": "key_matcher",
    },
    "KeyValueMutation": {
        "text": "remove",
        "KeyValueAppend": "append",
    },
    "KeyValueAppend": {
        "KeyValuePair": "record",
        "KeyValue": "entry",
        "KeyValueAppendAction": "action",
    },
    "KeyValuePair": {
        "text": "key",
        "any": "value",
    },
    "KeyValue": {
        "text": "key value",
    },
    "SetMetadataFilter": {
        "text": "metadata_namespace",
        "[Metadata]": "metadata",
        "mapping": "value",
    },
    "Metadata": {
        "text": "metadata_namespace",
        "bool": "allow_overwrite",
        "mapping": "value typed_value",
    },
}

#: Values of enumerations, in the order of their numbers from 0.
MANAGER_ENUMERATIONS = {
    "CodecType": "AUTO HTTP1 HTTP2 HTTP3",
    "ServerHeaderTransformation": "OVERWRITE APPEND_IF_ABSENT PASS_THROUGH",
    "ForwardClientCertDetails": "SANITIZE FORWARD_ONLY APPEND_FORWARD SANITIZE_SET ALWAYS_FORWARD_ONLY",
    "PathWithEscapedSlashesAction": "IMPLEMENTATION_SPECIFIC_DEFAULT KEEP_UNCHANGED REJECT_REQUEST UNESCAPE_AND_REDIRECT UNESCAPE_AND_FORWARD",
    "HeadersWithUnderscoresAction": "ALLOW REJECT_REQUEST DROP_HEADER",
    "Op": "EQ GE LE NE",
    "KeyValueAppendAction": "APPEND_IF_EXISTS_OR_ADD ADD_IF_ABSENT OVERWRITE_IF_EXISTS_OR_ADD OVERWRITE_IF_EXISTS",
}
