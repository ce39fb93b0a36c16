"""Erasing a person from the loads of a landing.

A load's new files are written beside the old ones, as `.NAME.new`. `.load.json.new`
comes last and decides: with it, the next run finishes the renames; without it, the
next run starts again.
"""

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
from duckdb.sqltypes import BOOLEAN, VARCHAR

from common.errors import StorageError
from common.files import remove, storage, sync, write_private
from common.locks import alone, is_held
from extract.landing import (
    LOAD_ID,
    LOAD_JSON,
    ROW_GROUP,
    SCHEMA,
    load_folders,
    lock,
    open_duckdb,
    quoted,
    read_load,
)
from extract.resume import LOCK, WANTED
from extract.staging import STAGING
from ops.forget.person import SUBJECT, Person

NEW = ".new"
MARK = f".{LOAD_JSON}{NEW}"
# These identify or describe objects of the portal, and say nothing of a parent.
KEPT = {"listed_in", "activity", "image_uuids", "access_keys", "entity"}
# Of these, a whole row is about the person.
REMOVED = ("users", "registrations", "quarantine")


def forget_loads(
    landing: Path, person: Person, counts: Counter[str], *, dry_run: bool
) -> None:
    """Erase a person from every load and staging; StorageError if one is in use."""
    if not landing.is_dir():
        return
    with storage(landing), lock(landing):
        _forget_stagings(landing / STAGING, counts, dry_run)
        with open_duckdb(landing / STAGING) as engine:
            engine.create_function("names", person.is_in, [VARCHAR], BOOLEAN)
            for folder in load_folders(landing):
                if LOAD_ID.fullmatch(folder.name) and folder.is_dir():
                    _forget_load(engine, folder, person, counts, dry_run)


def _forget_stagings(staging: Path, counts: Counter[str], dry_run: bool) -> None:
    """Remove what interrupted loads left: the next load reads it again."""
    folders = [path for path in staging.iterdir() if path.is_dir()]
    for folder in folders:
        if is_held(folder / LOCK):
            raise StorageError(f"{folder}: a load is in progress: try again after it")
    for folder in folders:
        counts["interrupted loads removed"] += 1
        if not dry_run:
            (folder / WANTED).unlink(missing_ok=True)
            remove(folder)


def _forget_load(
    engine: duckdb.DuckDBPyConnection,
    folder: Path,
    person: Person,
    counts: Counter[str],
    dry_run: bool,
) -> None:
    with alone(folder) as is_alone:
        if not is_alone:
            raise StorageError(
                f"{folder}: a build or a load reads it: try again when that is done"
            )
        if not dry_run:
            _finish(folder)
        facts = deepcopy(read_load(folder).facts)
        is_changed = False
        for files in sorted(folder.glob("portal=*")):
            key = files.name.removeprefix("portal=")
            try:
                found = _forget_files(engine, files, person, dry_run)
            except duckdb.Error as error:
                # Only what DuckDB says of files is free of the rows' own text.
                kind = isinstance(error, duckdb.IOException)
                said = str(error) if kind else type(error).__name__
                raise StorageError(f"{files}: {said}") from None
            for entity, (removed, cleared) in found.items():
                is_changed = True
                counts[f"{entity} removed"] += removed
                counts[f"{entity} cleared"] += cleared
                for about in (facts, facts["portals"].get(key, {})):
                    _subtract(about, entity, removed)
        counts["loads changed"] += is_changed
        if is_changed and not dry_run:
            content = json.dumps(facts, indent=2) + "\n"
            mark = folder / f"{MARK}{NEW}"
            write_private(mark, content.encode())
            mark.rename(folder / MARK)
            sync(folder)
            _finish(folder)


def _subtract(about: dict[str, Any], entity: str, removed: int) -> None:
    rows = about.get("rows")
    if isinstance(rows, dict) and isinstance(rows.get(entity), int):
        rows[entity] -= removed


def _finish(folder: Path) -> None:
    """Rename the new files of a load if all are there, or remove them."""
    mark = folder / MARK
    is_whole = mark.exists()
    for new in folder.glob(f"portal=*/.*{NEW}"):
        if is_whole:
            new.rename(new.with_name(new.name.removeprefix(".").removesuffix(NEW)))
            sync(new.parent)
        else:
            new.unlink()
    if is_whole:
        mark.rename(folder / LOAD_JSON)
        sync(folder)


def _forget_files(
    engine: duckdb.DuckDBPyConnection, files: Path, person: Person, dry_run: bool
) -> dict[str, tuple[int, int]]:
    """Write a portal's new files; return the rows removed and cleared by entity."""
    paths = {e: path for e in SCHEMA if (path := files / f"{e}.parquet").is_file()}
    columns = {
        entity: _erasable(engine, entity, path) for entity, path in paths.items()
    }
    _find_users(engine, paths, columns, person)
    changed = {}
    for entity, path in paths.items():
        source = f"read_parquet({quoted(path)}, hive_partitioning = false)"
        goes = _goes(entity, columns[entity], person)
        named = _named(columns[entity])
        found = engine.execute(
            f"select count(*) filter (where {goes}), "  # noqa: S608 - names of files
            f"count(*) filter (where {named} and not {goes}) from {source}"
        ).fetchall()[0]
        if not any(found):
            continue
        changed[entity] = found
        if not dry_run:
            # A parent's name beside the person's address can be the person's.
            name = _names("parent_name") if person.kind == SUBJECT else named
            cleared = _cleared(columns[entity], name)
            new = files / f".{path.name}{NEW}"
            query = f"select * {cleared} from {source} where not {goes}"  # noqa: S608
            options = f"format parquet, compression zstd, row_group_size {ROW_GROUP}"
            engine.execute(f"copy ({query}) to {quoted(new)} ({options})")
            new.chmod(0o600)
            sync(new)
    return changed


def _erasable(
    engine: duckdb.DuckDBPyConnection, entity: str, path: Path
) -> dict[str, str]:
    """Return the columns, with their types, that can have data of a person."""
    described = engine.execute(
        f"describe from read_parquet({quoted(path)}, hive_partitioning = false)"
    ).fetchall()
    return {
        name: kind
        for name, kind, *_ in described
        if "VARCHAR" in kind and name not in KEPT and not name.endswith("_uuid")
    }


def _named(columns: dict[str, str]) -> str:
    """Return the condition that a column of a row names the person."""
    return "(" + " or ".join(map(_names, columns)) + ")" if columns else "false"


def _names(column: str) -> str:
    return f"coalesce(names(cast(to_json({_name(column)}) as varchar)), false)"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _goes(entity: str, columns: dict[str, str], person: Person) -> str:
    """Return the condition that a whole row goes."""
    conditions = []
    if (entity in REMOVED and person.kind != SUBJECT) or entity == "quarantine":
        conditions.append(_named(columns))
    if entity in ("users", "registrations"):
        gone = "coalesce(user_uuid in (select user_uuid from gone), false)"
        conditions.append(gone)
    if person.kind == SUBJECT and "subject_uuid" in SCHEMA[entity]:
        same = f"trim(subject_uuid) = {quoted(person.value)}"
        conditions.append(f"coalesce({same}, false)")
    return f"({' or '.join(conditions)})" if conditions else "false"


def _cleared(columns: dict[str, str], parent_goes: str) -> str:
    """Return the clause that clears what names the person."""
    if not columns:
        return ""
    cleared = ", ".join(
        f"case when {parent_goes if c == 'parent_name' else _names(c)} then null "
        f"else {_name(c)} end as {_name(c)}"
        for c in columns
    )
    return f"replace ({cleared})"


def _find_users(
    engine: duckdb.DuckDBPyConnection,
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
    person: Person,
) -> None:
    """List the users that go: the person, or those of the subject alone."""
    source: Callable[[str], str] = lambda entity: (  # noqa: E731
        f"read_parquet({quoted(paths[entity])}, hive_partitioning = false)"
    )
    queries = ["select null::varchar as user_uuid where false"]
    if person.kind != SUBJECT:
        queries += [
            f"select user_uuid from {source(e)} where {_named(columns[e])}"  # noqa: S608
            for e in ("users", "registrations")
            if e in paths
        ]
    elif "registrations" in paths:
        same = f"coalesce(trim(subject_uuid) = {quoted(person.value)}, false)"
        queries.append(
            f"select user_uuid from {source('registrations')} "  # noqa: S608
            f"group by 1 having bool_and({same})"
        )
    engine.execute(
        "create or replace temp table gone as select distinct user_uuid from ("  # noqa: S608
        + " union all ".join(queries)
        + ") where user_uuid is not null"
    )
