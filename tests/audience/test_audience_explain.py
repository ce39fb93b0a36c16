"""The words of `sms audience explain` for a route of a made-up trace."""

from typing import Any

import pytest

from audience.sentences import render

T1, T2 = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


def said(**values: Any) -> str:
    """Return the line of the only route of a made-up subject."""
    route = {
        "route": "subject",
        "route_rank": 1,
        "user_uuid": None,
        "channel": "sms",
        "address_text": "***",
        "address": "***01",
        "is_shared": False,
        "sharing_subjects": None,
        "is_shared_in_job": None,
        "suppressed_at": None,
        "denied_at": None,
        "is_suppressed": False,
        "is_usable": True,
        "first_route_rank": 1,
        "address_rank": 1,
        **values,
    }
    person = {
        **dict.fromkeys(["own_name", "parent_name", "group_name", "access_code"]),
        **{"portal": "north", "job_uuid": "j1", "job_name": None, "users": []},
        **{"subject_uuid": "s1", "is_subject": True, "is_buyer": False},
        **{"activities": [], "candidates": [], "routes": [route]},
    }
    build: dict[str, Any] = {
        **{"load_id": "load", "as_of": T2, "run_id": "run", "obstacle": None},
        **{"filters": {}, "unused_routes": []},
        "promoted": {"run_id": "run", "relation": "same", "obstacle": None},
    }
    text = render({"build": build, "people": [person]}, show=False)
    [line] = [line for line in text.splitlines() if ", phone ***01: " in line]
    return line.partition(", phone ***01: ")[2]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "used as phone_number"),
        (
            {"is_shared": True, "sharing_subjects": 11, "is_shared_in_job": True},
            "not used: 11 subjects of this job have it (R4)",
        ),
        (
            {"is_shared": True, "sharing_subjects": 12, "is_shared_in_job": False},
            "not used: 12 subjects of another job of the portal have it (R4)",
        ),
        (
            {"suppressed_at": T1, "is_suppressed": True},
            f"not used: suppressed since {T1} (R9)",
        ),
        (
            {"denied_at": T2, "is_suppressed": True},
            f"not used: another subject with it refused marketing at {T2} (R9)",
        ),
        (
            {"suppressed_at": T1, "denied_at": T2, "is_suppressed": True},
            f"not used: suppressed since {T1} (R9), and another subject with it "
            f"refused marketing at {T2} (R9)",
        ),
        (
            {"denied_at": T1},
            f"used as phone_number; another subject with it refused marketing at {T1} "
            "(R9), but a later explicit consent lifts this",
        ),
    ],
)
def test_a_route_in_words(values: dict[str, Any], words: str) -> None:
    assert said(**values) == words
