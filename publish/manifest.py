"""What a run says about itself: manifest.json, current.json and run_json.

    manifest.json {"run_id", "load_id", "as_of", "code_version", "variables": {...},
                   "files": [{"path", "portal", "audience", "format", "rows", "bytes",
                              "sha256"}],
                   "counts": [{"portal", "audience", "candidates", "exported",
                               "excluded": {reason: n}}],
                   "suppressions": {"segments": [name], "entries",
                                    "suppressed": {"sms", "email"}, "digest", "matched",
                                    "listed": {"digest", "rows", "added", "known",
                                               "repaired", "unreadable",
                                               "rejected_emails", "gone"}}}
    current.json  {"run_id", "manifest", "manifest_sha256", "promoted_at",
                   "promoted_by"}
    run_json      a manifest whose files have no bytes and no sha256 yet, with
                  "promote": bool

`portal` and `audience` of a file are null for a table of the whole run. Paths in
`files` are below the run's folder, `manifest` is below the root. The manifest of a
run without the rows of people who said stop also has "derived_from", the run that it
is a copy of. Roots of earlier versions have no "promoted_by", their runs no
"suppressions". Its `digest` is the sha256 of suppressions.csv. `matched` counts the
suppressed addresses that are on a contact route of the load, null in a copy. `listed`
is null in a copy, and where the build had no list; its `digest` is the sha256 of the
list, and `gone` counts the addresses that a list once had, this one has not, and are
suppressed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from common.errors import ContractError
from publish.fields import Fields, Json
from publish.layout import AUDIENCES, manifest_key


@dataclass(frozen=True)
class ExpectedFile:
    """A file that a run must have, and its rows."""

    path: str
    portal: str | None
    audience: str | None
    format: str
    rows: int


@dataclass(frozen=True)
class RunFile(ExpectedFile):
    """A file that a run has."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Counts:
    """The fates of one portal's and audience's candidates."""

    portal: str
    audience: str
    candidates: int
    exported: int
    excluded: dict[str, int]


@dataclass(frozen=True)
class About:
    """What a run was made from."""

    run_id: str
    load_id: str
    as_of: str
    code_version: str
    variables: dict[str, Json]
    derived_from: str | None = None


@dataclass(frozen=True)
class Listed:
    """What a build's list had."""

    digest: str
    rows: int
    added: int
    known: int
    repaired: int
    unreadable: int
    rejected_emails: int
    gone: int


@dataclass(frozen=True)
class Suppressions:
    """What a run was decided by: the ledger, and the list that was recorded in it.

    `matched` is None as long as the load has not been compared.
    """

    segments: tuple[str, ...]
    entries: int
    suppressed: dict[str, int]
    digest: str
    matched: int | None
    listed: Listed | None

    @property
    def is_missing(self) -> bool:
        """Return whether there was neither a ledger nor a list."""
        return not self.segments and self.listed is None


@dataclass(frozen=True)
class Manifest:
    """A finished run."""

    about: About
    files: tuple[RunFile, ...]
    counts: tuple[Counts, ...]
    suppressions: Suppressions | None = None

    @property
    def segments(self) -> tuple[str, ...]:
        """Return the segments of the ledger that the run was decided by."""
        return self.suppressions.segments if self.suppressions else ()

    @property
    def list_digest(self) -> str:
        """Return the sha256 of the list that the build recorded, '' without one."""
        listed = self.suppressions.listed if self.suppressions else None
        return listed.digest if listed else ""

    @property
    def allow_unreadable(self) -> int:
        """Return how many lines of the list the build allowed to be unreadable."""
        allowed = self.about.variables.get("allow_unreadable")
        return allowed if isinstance(allowed, int) else 0


@dataclass(frozen=True)
class Plan:
    """A run that is about to be finished."""

    about: About
    files: tuple[ExpectedFile, ...]
    counts: tuple[Counts, ...]
    promote: bool
    suppressions: Suppressions | None = None


@dataclass(frozen=True)
class Current:
    """The promoted run."""

    run_id: str
    manifest: str
    manifest_sha256: str
    promoted_at: str
    promoted_by: str = ""


def audience_rows(manifest: Manifest) -> dict[tuple[str, str], int]:
    """Return the rows by portal and audience; formats hold the same rows."""
    return {
        (file.portal, file.audience): file.rows
        for file in manifest.files
        if file.portal and file.audience
    }


def digest(content: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def canonical(value: Mapping[str, object]) -> bytes:
    """Return JSON that is the same for the same value."""
    return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode()


def write_manifest(manifest: Manifest) -> bytes:
    """Return manifest.json."""
    files = [asdict(file) for file in manifest.files]
    counts = [asdict(count) for count in manifest.counts]
    about = asdict(manifest.about)
    if manifest.about.derived_from is None:
        del about["derived_from"]
    written = {**about, "files": files, "counts": counts}
    if manifest.suppressions is not None:
        written["suppressions"] = asdict(manifest.suppressions)
    return canonical(written)


def write_current(current: Current) -> bytes:
    """Return current.json."""
    return canonical(asdict(current))


def read_manifest(content: bytes, run_id: str) -> Manifest:
    """Read manifest.json of a run; ContractError where it is no such thing."""
    fields = Fields.parse(f"run {run_id}: manifest.json", content)
    about = _read_about(fields)
    if about.run_id != run_id:
        raise fields.wrong("run_id", run_id)
    files = [
        RunFile(
            **asdict(_read_file(file)),
            bytes=file.count("bytes"),
            sha256=file.sha256("sha256"),
        )
        for file in fields.items("files")
    ]
    return Manifest(
        about,
        _only_once(files, run_id),
        _read_counts(fields),
        _read_suppressions(fields),
    )


def read_plan(run_json: str) -> Plan:
    """Read the argument of export_finish; ContractError where it is no such thing."""
    fields = Fields.parse("run_json", run_json)
    return Plan(
        about=_read_about(fields),
        files=_only_once([_read_file(f) for f in fields.items("files")], "run_json"),
        counts=_read_counts(fields),
        promote=fields.flag("promote"),
        suppressions=_read_suppressions(fields),
    )


def read_current(content: bytes) -> Current:
    """Read current.json; ContractError where it is no such thing."""
    fields = Fields.parse("current.json", content)
    run_id = fields.run_id("run_id")
    manifest = fields.text("manifest")
    if manifest != manifest_key(run_id):
        raise fields.wrong("manifest", manifest_key(run_id))
    by = "promoted_by"
    return Current(
        run_id,
        manifest,
        fields.sha256("manifest_sha256"),
        fields.text("promoted_at"),
        fields.text(by, empty=True) if by in fields else "",
    )


def _read_about(fields: Fields) -> About:
    derived = "derived_from"
    return About(
        run_id=fields.run_id("run_id"),
        load_id=fields.text("load_id"),
        as_of=fields.text("as_of"),
        code_version=fields.text("code_version"),
        variables=fields.mapping("variables"),
        derived_from=fields.run_id(derived) if derived in fields else None,
    )


def _read_suppressions(fields: Fields) -> Suppressions | None:
    if "suppressions" not in fields:
        return None
    said = fields.inner("suppressions")
    listed = None if said.is_null("listed") else said.inner("listed")
    return Suppressions(
        segments=tuple(said.texts("segments")),
        entries=said.count("entries"),
        suppressed=said.counts("suppressed"),
        digest=said.sha256("digest"),
        matched=said.count_or_none("matched"),
        listed=None if listed is None else _read_listed(listed),
    )


def _read_listed(fields: Fields) -> Listed:
    names = ("rows", "added", "known", "repaired", "unreadable", "rejected_emails")
    return Listed(
        digest=fields.sha256("digest"),
        gone=fields.count("gone"),
        **{name: fields.count(name) for name in names},
    )


def _read_file(fields: Fields) -> ExpectedFile:
    name = fields.file_name("path")
    return ExpectedFile(**asdict(name), rows=fields.count("rows"))


def _only_once[F: ExpectedFile](files: list[F], where: str) -> tuple[F, ...]:
    if len({file.path for file in files}) < len(files):
        raise ContractError(f"{where}: files has a path twice")
    return tuple(files)


def _read_counts(fields: Fields) -> tuple[Counts, ...]:
    return tuple(
        Counts(
            portal=count.text("portal"),
            audience=count.one_of("audience", AUDIENCES),
            candidates=count.count("candidates"),
            exported=count.count("exported"),
            excluded=count.counts("excluded"),
        )
        for count in fields.items("counts")
    )
