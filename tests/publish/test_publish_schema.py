"""The JSON Schema of an audience accepts the contract's JSON and nothing looser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import publish

SCHEMA = Path(publish.__file__).parent / "schemas" / "audience.schema.json"

type Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def audience() -> dict[str, Any]:
    """One buyer of the sandbox."""
    contact = {
        "portal": "sandbox1",
        "job_uuid": "job-1",
        "job_name": "=Spring\u2028School",
        "subject_uuid": "subject-1",
        "external_id": "",
        "first_name": "Ada",
        "last_name": "Example",
        "parent_name": "",
        "phone_number": "+12025550123",
        "phone_number_2": "",
        "email": "ada@example.com",
        "email_2": "",
        "country": "USA",
        "group": "",
        "buyer": "Yes",
        "access_code": "k/1",
        "url": "http://127.0.0.1:8808/1/gallery/subject-1",
        "custom_gallery_url": "http://127.0.0.1:8808/1/?code=k%2F1",
        "sms_marketing_consent": "SUBSCRIBE",
        "sms_marketing_timestamp": "2025-01-31T00:00:00Z",
        "sms_transactional_consent": "UNSUBSCRIBE",
        "sms_transactional_timestamp": "",
        "activity_uuid": "activity-1",
        "activity_name": "",
        "registered_user": "No",
        "registered_user_email": "",
        "registered_user_uuid": "",
        "resolution_strategy": "direct",
    }
    filters = {
        "as_of": "",
        "portals": [],
        "job_uuids": ["job-1"],
        "groups": [],
        "require_images": True,
        "registered_only": False,
        "contact_filter": "phone",
        "audience": "both",
        "dedup_by": "activity_subject",
        "consent_max_age_days": 365,
        "contact_routes": ["registered_user", "subject"],
        "max_subjects_per_address": 10,
        "buyers_get_no_reminder": "never",
    }
    metadata = {
        "portal": "sandbox1",
        "audience": "buyers",
        "load_id": "20241231T000000000000Z-00000000",
        "job_ids": ["job-1"],
        "filters_applied": filters,
        "total_subjects": 3,
        "contacts": 1,
        "excluded": {"contact_missing": 2},
        "generated_at": "2025-01-31T00:00:00.000000Z",
    }
    return {"contacts": [contact], "metadata": metadata}


def test_there_are_28_fields_in_the_order_of_the_contract() -> None:
    schema = json.loads(SCHEMA.read_text())["$defs"]["contact"]
    assert schema["required"] == list(audience()["contacts"][0])
    assert list(schema["properties"]) == schema["required"]
    assert len(schema["required"]) == 28


def test_the_contract_is_accepted(validator: jsonschema.Draft202012Validator) -> None:
    whole = audience()
    validator.validate(whole)
    whole["metadata"]["generated_at"] = "2025-01-31T00:00:00Z"
    validator.validate({**whole, "contacts": []})
    whole["metadata"]["audience"] = "non_buyers"
    whole["contacts"][0]["buyer"] = "No"
    validator.validate(whole)


@pytest.mark.parametrize("field", list(audience()["contacts"][0]))
@pytest.mark.parametrize("value", [None, 1, True, [], {}, ...])
def test_every_field_is_required_and_text(
    validator: jsonschema.Draft202012Validator, field: str, value: object
) -> None:
    whole = audience()
    if value is ...:
        del whole["contacts"][0][field]
    else:
        whole["contacts"][0][field] = value
    assert not validator.is_valid(whole)


@pytest.mark.parametrize("field", list(audience()["metadata"]))
def test_every_field_of_metadata_is_required(
    validator: jsonschema.Draft202012Validator, field: str
) -> None:
    whole = audience()
    del whole["metadata"][field]
    assert not validator.is_valid(whole)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "phone_number",
            ["2025550123", "'+12025550123", "+1202 555", "+12025550123\n"],
        ),
        ("phone_number_2", ["+0", "+02025550123", "+1" + "2" * 15, " "]),
        ("email", ["ada", "ada@example", "a b@example.com", "a@example.com\n"]),
        ("registered_user_email", ["N/A"]),
        ("buyer", ["yes", "", "No"]),
        ("registered_user", ["true", ""]),
        ("sms_marketing_consent", ["", "UNSUBSCRIBE", "subscribe"]),
        ("sms_marketing_timestamp", ["", "2025-01-31", "2025-01-31T00:00:00Z\n"]),
        ("sms_transactional_consent", ["", "Subscribe"]),
        ("sms_transactional_timestamp", ["2025-01-31T00:00:00+00:00"]),
        ("resolution_strategy", ["", "DIRECT"]),
        ("access_code", [""]),
        ("url", ["", "/gallery/x", "ftp://example.com/"]),
        ("custom_gallery_url", ["", "https://example.com/? code=1"]),
        ("portal", ["", "../x", "sandbox1\n"]),
        ("job_uuid", [""]),
        ("subject_uuid", [""]),
        ("activity_uuid", [""]),
    ],
)
def test_values_that_are_not_the_contracts(
    validator: jsonschema.Draft202012Validator, field: str, values: list[str]
) -> None:
    for value in values:
        whole = audience()
        whole["contacts"][0][field] = value
        assert not validator.is_valid(whole), value


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.update(more=1),
        lambda whole: whole["contacts"][0].update(more=""),
        lambda whole: whole["metadata"].update(more=""),
        lambda whole: whole["metadata"]["filters_applied"].update(more=""),
        lambda whole: whole["metadata"]["filters_applied"].pop("groups"),
        lambda whole: whole["metadata"]["excluded"].update(some_reason=1),
        lambda whole: whole["metadata"]["excluded"].update(duplicate=-1),
        lambda whole: whole["metadata"]["excluded"].update(duplicate="1"),
        lambda whole: whole["metadata"].update(audience="both"),
        lambda whole: whole["metadata"].update(audience="non_buyers"),
        lambda whole: whole["metadata"].update(job_ids=["a", "a"]),
        lambda whole: whole["metadata"].update(generated_at="2025-01-31"),
        lambda whole: whole.pop("metadata"),
        lambda whole: whole.pop("contacts"),
    ],
)
def test_shapes_that_are_not_the_contracts(
    validator: jsonschema.Draft202012Validator, change: Change
) -> None:
    whole = audience()
    change(whole)
    assert not validator.is_valid(whole)


def test_the_reasons_are_those_of_the_rules() -> None:
    reasons = json.loads(SCHEMA.read_text())["$defs"]["metadata"]["properties"][
        "excluded"
    ]["propertyNames"]["enum"]
    assert reasons == [
        "filter_portal",
        "filter_job",
        "filter_group",
        "activity_not_in_webshop",
        "filter_registered",
        "no_images",
        "contact_missing",
        "contact_invalid",
        "contact_shared",
        "suppressed",
        "consent_denied",
        "consent_missing",
        "consent_expired",
        "access_key_missing",
        "buyer_elsewhere",
        "duplicate",
    ]
