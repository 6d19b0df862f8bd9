"""Names of protobuf fields in camel case."""

import pytest

from wasmnb.parsing.field_names import declared_name


@pytest.mark.parametrize(
    ("name", "declared"),
    [("httpURL", "http_url"), ("maxGrpcTimeout", "max_grpc_timeout"), ("http_url", "http_url"), ("http2Options", "http2_options")],
)
def test_camel_case_is_converted(name, declared):
    assert declared_name(name) == declared
