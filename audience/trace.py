"""Why a person has a fate, as the build decided it. No rule is evaluated again.

    {"build": {run_id, code_version, load_id, as_of, oldest_consent_at, obstacle,
               filters: {variable: value}, unused_routes: [route],
               promoted: {run_id, relation, obstacle}},
     "people": [{portal, job_uuid, job_name, subject_uuid,
                 is_subject, is_buyer, is_on_order_list, is_job_on_sale,
                 own_name, parent_name, group_name, access_code,
                 "activities": [...], "users": [...], "routes": [...],
                 "candidates": [{..., promoted_fate,
                                 "checks": [{reason, label, rule, meaning, remedy,
                                             does_apply}]}]}]}

`promoted_fate` is the fate in the promoted run's files if the database is of another
run, or null if they do not say.

The files of audience/sql/person say what each list holds. Times are UTC text.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from audience.builds import (
    Build,
    check_members,
    in_words,
    read_build,
    variable_text,
)
from audience.databases import (
    SHARED,
    SUBJECT_KEY,
    Row,
    check_relations,
    open_databases,
    query,
    read_sql,
)
from audience.promoted import (
    COPY,
    NONE,
    OTHER,
    SAME,
    UNREADABLE,
    Promoted,
    has_evidence,
    read_fates,
    read_promoted,
)
from common.errors import ConfigError, DatabaseError, UnknownPersonError
from publish.contacts import Key

type Trace = dict[str, Any]

NAME = "build"
SUBJECT = tuple(SUBJECT_KEY)
LISTS = ("activities", "users", "routes", "candidates")
WORDS = ("label", "meaning", "remedy")
FILTERS = (
    *("portals", "job_uuids", "groups", "require_images", "registered_only"),
    *("contact_filter", "contact_routes", "max_subjects_per_address", "audience"),
    *("buyers_get_no_reminder", "dedup_by", "consent_max_age_days"),
)
ROUTES = ("registered_user", "delivery_1", "delivery_2", "subject", "subject_2")
PERSONAL = {
    *("own_name", "parent_name", "group_name", "access_code", "address_text"),
    *("address", "phone_number", "email"),
}
MASK = "***"
# Enough to distinguish two phones, too little to call one.
PHONE_DIGITS_SHOWN = 2
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def trace(
    database: Path,
    wanted: Mapping[str, str],
    *,
    show: bool = False,
    only_promoted: bool = False,
) -> Trace:
    """Return the trace of everyone with {"subject", "phone" or "email": value}.

    Mask personal values unless `show`. Raise ConfigError for a malformed phone or
    e-mail, UnknownPersonError if no one has it, DatabaseError if the database cannot
    be read or, if `only_promoted`, is not the promoted run's.
    """
    [(kind, value)] = wanted.items()
    checked = _CHECKS[kind](value)
    with open_databases({NAME: database}) as connection:
        build = read_build(connection, NAME)
        promoted = read_promoted(build.run_id)
        if only_promoted:
            _check_promoted(database, build, promoted)
        check_relations(connection, NAME, SHARED)
        check_members(connection, NAME)
        members = read_sql("members", build=NAME)
        connection.execute(f"create temp view build_members as {members}")
        _find(connection, kind, checked)
        people = _people(connection, build, show=show)
        _add_promoted_fates(people, promoted)
        run = query(connection, "person/run", build=NAME)[0]
        return {"build": _about(build, run, promoted), "people": people}


def _check_promoted(database: Path, build: Build, promoted: Promoted) -> None:
    if promoted.relation in (SAME, COPY):
        return
    if promoted.relation == UNREADABLE:
        raise DatabaseError(f"the promoted run cannot be read: {promoted.obstacle}")
    if promoted.relation == NONE:
        raise DatabaseError("no run is promoted under EXPORT_ROOT")
    raise DatabaseError(
        f"{database} is of run {build.run_id}, and run {promoted.run_id} is promoted: "
        "give the database of that run with --db (an export night leaves it at "
        "DUCKDB_PATH), or ask `sms publish trace` for its files"
    )


def _add_promoted_fates(people: list[Row], promoted: Promoted) -> None:
    of_key = {
        (
            *(person["portal"], person["job_uuid"]),
            *(candidate["activity_uuid"], person["subject_uuid"]),
        ): candidate
        for person in people
        for candidate in person["candidates"]
    }
    fates, unknown = dict[Key, str](), None
    if promoted.relation in (COPY, OTHER):
        fates = read_fates(promoted, of_key.keys())
        unknown = "no_candidate" if has_evidence(promoted) else None
    for who, candidate in of_key.items():
        candidate["promoted_fate"] = fates.get(who, unknown)


def _phone(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise ConfigError(
            "--phone must be in E.164, such as +13125550123: a plus, the country and "
            "the number, digits only"
        )
    return value


def _email(value: str) -> str:
    """Return an e-mail as the build writes it (R6)."""
    email = value.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise ConfigError("--email must be an e-mail, such as parent@example.com")
    return email


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "subject": str.strip,
    "phone": _phone,
    "email": _email,
}
_CHANNELS = {"phone": "sms", "email": "email"}


def _find(connection: DuckDBPyConnection, kind: str, value: str) -> None:
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
            "this build's load has no subject with that uuid; give the whole uuid, as "
            "in exclusions.csv"
        )
    found = query(connection, "person/suppressed", build=NAME)
    since = "".join(
        f"; suppressed since {_text(row['suppressed_at'])}" for row in found
    )
    return (
        f"no candidate of this build has that {kind} on any of its contact_routes"
        f"{since} (--subject also finds subjects that are not candidates)"
    )


def _about(build: Build, run: Row, promoted: Promoted) -> Row:
    routes = build.variables.get("contact_routes") or ROUTES
    return {
        "run_id": build.run_id,
        "code_version": build.code_version,
        "obstacle": build.obstacle,
        "filters": {
            name: variable_text(name, build.variables.get(name)) for name in FILTERS
        },
        "unused_routes": [route for route in ROUTES if route not in routes],
        "promoted": {
            "run_id": promoted.run_id,
            "relation": promoted.relation,
            "obstacle": promoted.obstacle,
        },
        **{name: _text(value) for name, value in run.items()},
    }


def _people(connection: DuckDBPyConnection, build: Build, *, show: bool) -> list[Row]:
    rows = {
        name: [
            _shown(row, show) for row in query(connection, f"person/{name}", build=NAME)
        ]
        for name in ("subjects", "checks", *LISTS)
    }
    for check in rows["checks"]:
        check |= {name: in_words(check[name], build.variables) for name in WORDS}
    _nest(rows["candidates"], "checks", rows["checks"], (*SUBJECT, "activity_uuid"))
    for name in LISTS:
        _nest(rows["subjects"], name, rows[name], SUBJECT)
    return rows["subjects"]


def _nest(
    parents: list[Row], name: str, children: list[Row], key: tuple[str, ...]
) -> None:
    """Put each parent's children into a list of it, without the key."""
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
    """Return a personal value as others are allowed to see it."""
    if value is None:
        return None
    return MASK + (value[-PHONE_DIGITS_SHOWN:] if _PHONE.fullmatch(value) else "")


def _text(value: object) -> object:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
