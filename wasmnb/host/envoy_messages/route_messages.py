"""Field names and types of the messages for Envoy's routes.

The types are explained in `..envoy_messages.schema`.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto
"""

__all__ = ["ROUTE_ENUMERATIONS", "ROUTE_MESSAGES"]

#: Names of fields by message and type.
ROUTE_MESSAGES = {
    "RouteConfiguration": {
        "text": "name vhost_header",
        "[text]": "internal_only_headers response_headers_to_remove request_headers_to_remove",
        "bool": "most_specific_header_mutations_wins validate_clusters ignore_port_in_host_matching "
        "ignore_path_parameters_in_path_matching",
        "uint": "max_direct_response_body_size_bytes",
        "[VirtualHost]": "virtual_hosts",
        "[HeaderValueOption]": "response_headers_to_add request_headers_to_add",
        "per filter": "typed_per_filter_config",
        "mapping": "vhds metadata",
        "[mapping]": "cluster_specifier_plugins request_mirror_policies",
    },
    "VirtualHost": {
        "text": "name",
        "[text]": "domains request_headers_to_remove response_headers_to_remove",
        "bool": "include_request_attempt_count include_attempt_count_in_response include_is_timeout_retry_header",
        "uint": "per_request_buffer_limit_bytes",
        "[Route]": "routes",
        "TlsRequirementType": "require_tls",
        "[HeaderValueOption]": "request_headers_to_add response_headers_to_add",
        "RetryPolicy": "retry_policy",
        "HedgePolicy": "hedge_policy",
        "per filter": "typed_per_filter_config",
        "mapping": "matcher cors retry_policy_typed_config request_body_buffer_limit metadata",
        "[mapping]": "virtual_clusters rate_limits request_mirror_policies",
    },
    "Route": {
        "text": "name stat_prefix",
        "[text]": "request_headers_to_remove response_headers_to_remove",
        "uint": "per_request_buffer_limit_bytes",
        "RouteMatch": "match",
        "RouteAction": "route",
        "RedirectAction": "redirect",
        "DirectResponseAction": "direct_response",
        "[HeaderValueOption]": "request_headers_to_add response_headers_to_add",
        "per filter": "typed_per_filter_config",
        "mapping": "filter_action non_forwarding_action metadata decorator tracing request_body_buffer_limit",
    },
    "RouteMatch": {
        "text": "prefix path path_separated_prefix",
        "bool": "case_sensitive",
        "RegexMatcher": "safe_regex",
        "TypedExtensionConfig": "path_match_policy",
        "RuntimeFractionalPercent": "runtime_fraction",
        "[HeaderMatcher]": "headers",
        "[QueryParameterMatcher]": "query_parameters",
        "TlsContextMatchOptions": "tls_context",
        "[CookieMatcher]": "cookies",
        "mapping": "connect_matcher grpc",
        "[mapping]": "dynamic_metadata filter_state",
    },
    "RegexMatcher": {
        "regex": "regex",
        "mapping": "google_re2",
    },
    "TypedExtensionConfig": {
        "text": "name",
        "mapping": "typed_config",
    },
    "RuntimeFractionalPercent": {
        "text": "runtime_key",
        "FractionalPercent": "default_value",
    },
    "FractionalPercent": {
        "uint": "numerator",
        "DenominatorType": "denominator",
    },
    "HeaderMatcher": {
        "text": "name exact_match prefix_match suffix_match contains_match",
        "bool": "present_match invert_match treat_missing_header_as_empty",
        "RegexMatcher": "safe_regex_match",
        "Int64Range": "range_match",
        "StringMatcher": "string_match",
    },
    "Int64Range": {
        "int": "start end",
    },
    "StringMatcher": {
        "text": "exact prefix suffix contains",
        "bool": "ignore_case",
        "RegexMatcher": "safe_regex",
        "mapping": "custom",
    },
    "QueryParameterMatcher": {
        "text": "name",
        "bool": "present_match",
        "StringMatcher": "string_match",
    },
    "CookieMatcher": {
        "text": "name",
        "bool": "invert_match",
        "StringMatcher": "string_match",
    },
    "TlsContextMatchOptions": {
        "bool": "presented validated",
    },
    "RouteAction": {
        "text": "cluster cluster_header cluster_specifier_plugin prefix_rewrite path_rewrite host_rewrite_literal "
        "host_rewrite_header host_rewrite",
        "bool": "auto_host_rewrite append_x_forwarded_host include_vh_rate_limits",
        "uint": "max_internal_redirects",
        "duration": "timeout idle_timeout flush_timeout max_grpc_timeout grpc_timeout_offset",
        "WeightedCluster": "weighted_clusters",
        "ClusterNotFoundResponseCode": "cluster_not_found_response_code",
        "RegexMatchAndSubstitute": "regex_rewrite host_rewrite_path_regex",
        "TypedExtensionConfig": "path_rewrite_policy early_data_policy",
        "RetryPolicy": "retry_policy",
        "RoutingPriority": "priority",
        "[UpgradeConfig]": "upgrade_configs",
        "InternalRedirectAction": "internal_redirect_action",
        "HedgePolicy": "hedge_policy",
        "MaxStreamDuration": "max_stream_duration",
        "mapping": "inline_cluster_specifier_plugin metadata_match retry_policy_typed_config cors "
        "internal_redirect_policy",
        "[mapping]": "request_mirror_policies rate_limits hash_policy",
    },
    "WeightedCluster": {
        "text": "runtime_key_prefix header_name",
        "bool": "use_hash_policy",
        "uint": "total_weight",
        "[ClusterWeight]": "clusters",
    },
    "ClusterWeight": {
        "text": "name cluster_header host_rewrite_literal",
        "[text]": "request_headers_to_remove response_headers_to_remove",
        "uint": "weight",
        "[HeaderValueOption]": "request_headers_to_add response_headers_to_add",
        "per filter": "typed_per_filter_config",
        "mapping": "metadata_match",
    },
    "HeaderValueOption": {
        "bool": "append keep_empty_value",
        "HeaderValue": "header",
        "HeaderAppendAction": "append_action",
    },
    "HeaderValue": {
        "text": "key value raw_value",
    },
    "RegexMatchAndSubstitute": {
        "text": "substitution",
        "RegexMatcher": "pattern",
    },
    "RetryPolicy": {
        "text": "retry_on",
        "uint": "num_retries",
        "[uint]": "retriable_status_codes",
        "int": "host_selection_retry_max_attempts",
        "duration": "per_try_timeout per_try_idle_timeout",
        "[TypedExtensionConfig]": "retry_options_predicates",
        "RetryBackOff": "retry_back_off",
        "RateLimitedRetryBackOff": "rate_limited_retry_back_off",
        "[HeaderMatcher]": "retriable_headers retriable_request_headers",
        "mapping": "retry_priority",
        "[mapping]": "retry_host_predicate",
    },
    "RetryBackOff": {
        "duration": "base_interval max_interval",
    },
    "RateLimitedRetryBackOff": {
        "duration": "max_interval",
        "[ResetHeader]": "reset_headers",
    },
    "ResetHeader": {
        "text": "name",
        "ResetHeaderFormat": "format",
    },
    "UpgradeConfig": {
        "text": "upgrade_type",
        "bool": "enabled",
        "mapping": "connect_config",
    },
    "SubstitutionFormatString": {
        "text": "text_format content_type",
        "bool": "omit_empty_values",
        "DataSource": "text_format_source",
        "[TypedExtensionConfig]": "formatters",
        "mapping": "json_format json_format_options",
    },
    "DataSource": {
        "text": "filename inline_bytes inline_string environment_variable",
        "mapping": "watched_directory",
    },
    "HedgePolicy": {
        "bool": "hedge_on_per_try_timeout",
        "uint": "initial_requests",
        "FractionalPercent": "additional_request_chance",
    },
    "MaxStreamDuration": {
        "duration": "max_stream_duration grpc_timeout_header_max grpc_timeout_header_offset",
    },
    "RedirectAction": {
        "text": "scheme_redirect host_redirect path_redirect prefix_rewrite",
        "bool": "https_redirect strip_query",
        "uint": "port_redirect",
        "RegexMatchAndSubstitute": "regex_rewrite",
        "RedirectResponseCode": "response_code",
    },
    "DirectResponseAction": {
        "uint": "status",
        "DataSource": "body",
        "SubstitutionFormatString": "body_format",
    },
    "FilterConfig": {
        "bool": "is_optional disabled",
        "mapping": "config",
    },
}

#: Values of enumerations, in the order of their numbers from 0.
ROUTE_ENUMERATIONS = {
    "TlsRequirementType": "NONE EXTERNAL_ONLY ALL",
    "DenominatorType": "HUNDRED TEN_THOUSAND MILLION",
    "ClusterNotFoundResponseCode": "SERVICE_UNAVAILABLE NOT_FOUND INTERNAL_SERVER_ERROR",
    "RoutingPriority": "DEFAULT HIGH",
    "InternalRedirectAction": "PASS_THROUGH_INTERNAL_REDIRECT HANDLE_INTERNAL_REDIRECT",
    "HeaderAppendAction": "APPEND_IF_EXISTS_OR_ADD ADD_IF_ABSENT OVERWRITE_IF_EXISTS_OR_ADD OVERWRITE_IF_EXISTS",
    "ResetHeaderFormat": "SECONDS UNIX_TIMESTAMP",
    "RedirectResponseCode": "MOVED_PERMANENTLY FOUND SEE_OTHER TEMPORARY_REDIRECT PERMANENT_REDIRECT",
}
