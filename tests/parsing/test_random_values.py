"""Patterns of values that differ in every run."""

import uuid

import pytest

from wasmnb.parsing.random_values import UUID, is_generated_id


def test_uuid_in_a_text_is_found():
    value = str(uuid.uuid1())
    assert UUID.sub("<uuid>", f"id={value}, twice: {value}") == "id=<uuid>, twice: <uuid>"
    assert UUID.search("deadbeef-0000-0000-0000") is None


@pytest.mark.parametrize(
    ("value", "generated"),
    [
        (str(uuid.UUID(int=0x1234, version=4)), True),
        ("8c1b9a52-1f0f-4d0c-9a3e-0123456789ab", True),
        ("8c1b9a52-1f0f-4d0c-ea3e-0123456789ab", True),  # Envoy's mark of a traced request replaces the variant
        ("8c1b9a52-1f0f-1d0c-9a3e-0123456789ab", False),
        ("x8c1b9a52-1f0f-4d0c-9a3e-0123456789ab", False),
        ("1", False),
    ],
)
def test_only_random_uuids_are_generated_ids(value, generated):
    assert is_generated_id(value.encode()) == generated
