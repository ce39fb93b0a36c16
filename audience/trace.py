"""The rule trace of a person, read from what a build decided: no rule is run again.

    {"build": {run_id, code_version, load_id, as_of, oldest_consent_at, obstacle,
               filters: {variable: value}},
     "people": [{portal, job_uuid, job_name, subject_uuid,
                 is_subject, is_buyer, is_on_order_list, is_job_on_sale,
                 own_name, parent_name, group_name, access_code,
                 "activities": [...], "users": [...], "routes": [...],
                 "candidates": [{..., "checks": [{reason, rule, meaning, remedy,
                                                  does_apply}]}]}]}

The files of audience/sql/person say what each list holds. Times are UTC text.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from audience.builds import Build, check_members, read_build, variable_text
from audience.databases import (
    FLAG,
    KEY,
    SHARED,
    SUBJECT_KEY,
    TEXT,
    TIME,
    WHOLE,
    Relations,
    Row,
    check_relations,
    open_databases,
    query,
    read_sql,
)
from common.errors import ConfigError, UnknownPersonError

type Trace = dict[str, Any]

NAME = "build"
SUBJECT = tuple(SUBJECT_KEY)
LISTS = ("activities", "users", "routes", "candidates")
KEPT = ("kept_job_uuid", "kept_activity_uuid", "kept_subject_uuid")
FILTERS = (
    *("portals", "job_uuids", "groups", "require_images", "registered_only"),
    *("contact_filter", "audience", "dedup_by", "consent_max_age_days"),
)
EXPLAINED: Relations = {
    **SHARED,
    "marts.audience_exclusions": {**KEY, **dict.fromkeys(KEPT, TEXT)},
    "intermediate.int_run": {"load_id": TEXT, "as_of": TIME, "oldest_consent_at": TIME},
    "intermediate.int_subject_lists": {
        **SUBJECT_KEY,
        "is_buyer": FLAG,
        "is_on_order_list": FLAG,
        "is_job_on_sale": FLAG,
        "is_subject": FLAG,
    },
    "intermediate.int_subjects": {**SUBJECT_KEY, "own_name": TEXT, "group_name": TEXT},
    "intermediate.int_job_names": {"portal": TEXT, "job_uuid": TEXT, "job_name": TEXT},
    "intermediate.int_parent_names": {**SUBJECT_KEY, "parent_name": TEXT},
    "intermediate.int_galleries": {**SUBJECT_KEY, "access_code": TEXT},
    "intermediate.int_subject_activities": {**KEY, "is_direct": FLAG},
    "intermediate.int_job_activities": {
        **dict.fromkeys(["portal", "job_uuid", "activity_uuid", "activity_name"], TEXT),
        "starting_at": TIME,
    },
    "intermediate.int_candidates": {**KEY, "resolution_strategy": TEXT},
    "intermediate.int_registered_users": {
        **SUBJECT_KEY,
        "user_uuid": TEXT,
        "user_rank": WHOLE,
    },
    "intermediate.int_contact_routes": {
        **SUBJECT_KEY,
        "channel": TEXT,
        "address": TEXT,
    },
    "intermediate.int_route_ranks": {
        **SUBJECT_KEY,
        **dict.fromkeys(["route", "channel", "user_uuid"], TEXT),
        **dict.fromkeys(["address_text", "address"], TEXT),
        **dict.fromkeys(["route_rank", "first_route_rank", "address_rank"], WHOLE),
        "suppressed_at": TIME,
        "is_suppressed": FLAG,
        "is_usable": FLAG,
    },
    "intermediate.int_suppressions": {
        "channel": TEXT,
        "address": TEXT,
        "suppressed_at": TIME,
    },
    "intermediate.int_candidate_consents": {
        **KEY,
        "marketing_decision": TEXT,
        "marketing_basis": TEXT,
        "marketing_at": TIME,
    },
    "intermediate.int_candidate_duplicates": KEY,
}
PERSONAL = {
    *("own_name", "parent_name", "group_name", "access_code", "address_text"),
    *("address", "phone_number", "email"),
}
MASK = "***"
# Enough to tell two phones apart, and too little to call one.
PHONE_DIGITS_SHOWN = 2
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def trace(database: Path, wanted: Mapping[str, str], *, show: bool = False) -> Trace:
    """Trace everybody whom `wanted` means: {"subject", "phone" or "email": value}.

    Values that are personal are masked unless `show`. Raises ConfigError for a phone
    or an e-mail that is none, UnknownPersonError where nobody is meant, DatabaseError
    where the database cannot be read.
    """
    [(kind, value)] = wanted.items()
    checked = _CHECKS[kind](value)
    with open_databases({NAME: database}) as connection:
        build = read_build(connection, NAME)
        check_relations(connection, NAME, EXPLAINED)
        check_members(connection, NAME)
        members = read_sql("members", build=NAME)
        connection.execute(f"create temp view build_members as {members}")
        _find(connection, kind, checked)
        return {
            "build": _about(build, query(connection, "person/run", build=NAME)[0]),
            "people": _people(connection, show=show),
        }


def _subject(value: str) -> str:
    return value.strip()


def _phone(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise ConfigError(
            "--phone must be in E.164, such as +13125550123: a plus, the country and "
            "the number, digits only"
        )
    return value


def _email(value: str) -> str:
    """Write an e-mail as the build does (R6)."""
    email = value.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise ConfigError("--email must be an e-mail, such as parent@example.com")
    return email


_CHECKS = {"subject": _subject, "phone": _phone, "email": _email}
_CHANNELS = {"phone": "sms", "email": "email"}


def _find(connection: DuckDBPyConnection, kind: str, value: str) -> None:
    """Make the table `people`."""
    if kind == "subject":
        query(connection, "person/by_subject", {"subject": value}, build=NAME)
    else:
        address = {"channel": _CHANNELS[kind], "address": value}
        query(connection, "person/by_address", address, build=NAME)
    if not connection.execute("from people limit 1").fetchall():
        raise UnknownPersonError(_unknown(connection, kind))


def _unknown(connection: DuckDBPyConnection, kind: str) -> str:
    if kind == "subject":
        return (
            "no list of any job in this build's load has that subject; give the "
            "whole uuid of the portal, as exclusions.csv has it"
        )
    found = query(connection, "person/suppressed", build=NAME)
    since = "".join(
        f"; suppressed since {_text(row['suppressed_at'])}" for row in found
    )
    return (
        f"no candidate of this build has that {kind} on any route{since} (--subject "
        "also finds who is no candidate)"
    )


def _about(build: Build, run: Row) -> Row:
    return {
        "run_id": build.run_id,
        "code_version": build.code_version,
        "obstacle": build.obstacle,
        "filters": {name: variable_text(build.variables.get(name)) for name in FILTERS},
        **{name: _text(value) for name, value in run.items()},
    }


def _people(connection: DuckDBPyConnection, *, show: bool) -> list[Row]:
    rows = {
        name: [
            _shown(row, show) for row in query(connection, f"person/{name}", build=NAME)
        ]
        for name in ("subjects", "checks", *LISTS)
    }
    _nest(rows["candidates"], "checks", rows["checks"], (*SUBJECT, "activity_uuid"))
    for name in LISTS:
        _nest(rows["subjects"], name, rows[name], SUBJECT)
    return rows["subjects"]


def _nest(
    parents: list[Row], name: str, children: list[Row], key: tuple[str, ...]
) -> None:
    """Give each parent the list of its children, which lose the key."""
    of_parent: dict[tuple[object, ...], list[Row]] = {}
    for child in children:
        own = tuple(child[part] for part in key)
        rest = {part: value for part, value in child.items() if part not in key}
        of_parent.setdefault(own, []).append(rest)
    for parent in parents:
        parent[name] = of_parent.get(tuple(parent[part] for part in key), [])


def _shown(row: Row, show: bool) -> Row:
    texts = {name: _text(value) for name, value in row.items()}
    if show:
        return texts
    return texts | {name: masked(row[name]) for name in PERSONAL if name in row}


def masked(value: str | None) -> str | None:
    """Return a personal value as it may be seen by others."""
    if value is None:
        return None
    return MASK + (value[-PHONE_DIGITS_SHOWN:] if _PHONE.fullmatch(value) else "")


def _text(value: object) -> object:
    """Write a time as UTC text; leave all else as it is."""
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
