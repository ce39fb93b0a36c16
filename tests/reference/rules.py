"""Candidates and their fates: rules R1, R2, R10, R12 and R13, and the exported row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from tests.reference.consent import (
    Consent,
    Explicit,
    r8_explicit,
    r8_is_expired,
    r8_is_missing,
    r8_marketing,
    r8_transactional,
)
from tests.reference.contacts import (
    Contacts,
    Rules,
    User,
    email_route,
    phone_route,
    r3_registered_users,
    r4_contacts,
    r4_routes,
    r4_shared,
    r4_valid,
    r6_email,
    r9_is_suppressed,
    r9_suppressions,
)
from tests.reference.dates import r8_read, r8_written
from tests.reference.interface import (
    EXPORT_COLUMNS,
    Portal,
    PortalConfig,
    Result,
    Variables,
)
from tests.reference.shapes import (
    Row,
    access_keys,
    image_activity,
    image_references,
    in_details,
    job_name,
    part,
    rows,
    uuid_of,
    with_uuids,
)
from tests.reference.text import BLANKS, r7_text

TEXT_FIELDS = (
    "external_id",
    "first_name",
    "last_name",
    "name",
    "group",
    "country",
    "parent_name",
    "phone_number",
    "phone_number_2",
    "email",
    "email_2",
    "sms_marketing_timestamp",
    "sms_transactional_timestamp",
)
CONSENT_FIELDS = ("sms_marketing_consent", "sms_transactional_consent")
DELIVERY_FIELDS = ("delivery_1", "delivery_2")
DELIVERY_PARTS = ("name", "email_address", "mobile_phone")
ACTIVITY_FIELDS = ("activity_uuid", "activity")
SUBJECT_FIELDS = (*TEXT_FIELDS, *CONSENT_FIELDS, *DELIVERY_FIELDS, *ACTIVITY_FIELDS)

END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Activity:
    """An activity on sale in a job."""

    uuid: str
    name: str
    starting: datetime | None
    job_uuid: str
    job_name: str


@dataclass(frozen=True)
class Job:
    """A job on sale: its answers, sorted by what they are about."""

    uuid: str
    name: str
    on_sale: Sequence[Activity]
    buyers: Mapping[str, Sequence[Row]]
    non_buyers: Mapping[str, Sequence[Row]]
    subjects_in_details: Mapping[str, Sequence[Row]]
    images: Mapping[str, Sequence[Row]]
    registrations: Mapping[str, Sequence[Row]]
    access_keys: object


@dataclass(frozen=True)
class Subject:
    """A job's subject: the merged field values, raw, and all its image references."""

    uuid: str
    is_buyer: bool
    values: Mapping[str, object]
    images: frozenset[str]


@dataclass(frozen=True)
class Candidate:
    """R1: one (portal, job, activity, subject); `activity` None: none on sale."""

    config: PortalConfig
    job: Job
    activity: Activity | None
    strategy: str
    subject: Subject
    users: Sequence[User]
    access_key: str

    @property
    def activity_uuid(self) -> str:
        """The activity's uuid, empty where there is none."""
        return self.activity.uuid if self.activity else ""

    @property
    def starting(self) -> datetime | None:
        """When the activity went on sale; None: unknown."""
        return self.activity.starting if self.activity else None


@dataclass(frozen=True)
class Judged:
    """A candidate, what can be reached of it, and why it is excluded (or empty)."""

    candidate: Candidate
    phones: Contacts
    emails: Contacts
    marketing: Consent
    shown_email: str
    phone_route: str
    email_route: str
    reason: str


def audiences(
    world_portals: Mapping[str, tuple[PortalConfig, Portal]],
    suppressions: Sequence[Mapping[str, str]],
    variables: Variables,
) -> Result:
    """All candidates of all portals, exported or excluded with one reason (R13)."""
    judged: list[Judged] = []
    regions = {config.region for config, _ in world_portals.values()}
    suppressed = r9_suppressions(suppressions, sorted(regions))
    for config, portal in world_portals.values():
        candidates = r1_candidates(config, portal)
        rules = portal_rules(candidates, suppressed, variables)
        judged += [judge(candidate, rules, variables) for candidate in candidates]
    judged = r12_without_buyers(judged, variables.buyers_get_no_reminder)
    judged = r12_deduplicated(judged, variables.dedup_by)
    exported = [export_row(one) for one in judged if not one.reason]
    excluded = [exclusion_row(one) for one in judged if one.reason]
    evidence = [evidence_row(one) for one in judged if not one.reason]
    portals = sorted(config.portal for config, _ in world_portals.values())
    return Result(
        tuple(portals),
        sorted(exported, key=key),
        sorted(excluded, key=key),
        sorted(evidence, key=key),
    )


def key(row: Mapping[str, str]) -> tuple[str, str, str, str]:
    """What an exported or excluded row is known and sorted by."""
    return row["portal"], row["job_uuid"], row["activity_uuid"], row["subject_uuid"]


# R1: candidates


def r1_candidates(config: PortalConfig, portal: Portal) -> list[Candidate]:
    """R1: the subjects of the jobs on sale, with each on-sale activity of theirs."""
    candidates: list[Candidate] = []
    for job in r1_jobs(portal):
        for subject in r1_subjects(job):
            users = r3_registered_users(
                job.registrations.get(subject.uuid, []),
                portal.get("users"),
                config.region,
            )
            access_key = r10_access_key(part(job.access_keys, subject.uuid))
            candidates += [
                Candidate(config, job, activity, strategy, subject, users, access_key)
                for activity, strategy in r1_activities(subject, job)
            ]
    return candidates


def r1_jobs(portal: Portal) -> list[Job]:
    """R1: the jobs with an activity on sale, except those that are gone."""
    on_sale = grouped(
        (activity.job_uuid, activity) for activity in r1_activities_on_sale(portal)
    )
    answers = {uuid: part(portal.get("jobs"), uuid) for uuid in on_sale}
    return [
        r1_job(uuid, answer, on_sale[uuid])
        for uuid, answer in answers.items()
        if isinstance(answer, dict)
    ]


def r1_job(uuid: str, answers: Row, on_sale: Sequence[Activity]) -> Job:
    """R1: a job's answers, sorted by what they are about."""
    details = answers.get("details")
    return Job(
        uuid=uuid,
        name=r7_job_name(details, on_sale),
        on_sale=on_sale,
        buyers=grouped(with_uuids(answers.get("buyers"), "uuid")),
        non_buyers=grouped(with_uuids(answers.get("non_buyers"), "uuid")),
        subjects_in_details=grouped(in_details(details, "subjects")),
        images=grouped(in_details(details, "images")),
        registrations=grouped(with_uuids(answers.get("registrations"), "subjectUuid")),
        access_keys=answers.get("access_keys"),
    )


def grouped[T](things: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """Things by uuid, uuids and things in order; those without a uuid left out."""
    groups: dict[str, list[T]] = {}
    for uuid, thing in things:
        if uuid:
            groups.setdefault(uuid, []).append(thing)
    return groups


def r1_activities_on_sale(portal: Portal) -> list[Activity]:
    """R1: the portal's activities list; of one listed twice the first row counts."""
    by_uuid: dict[str, Activity] = {}
    for row in rows(portal.get("activities")):
        activity = Activity(
            uuid=uuid_of(row.get("uuid")),
            name=r7_text(row.get("name")),
            starting=r8_read(row.get("starting")),
            job_uuid=uuid_of(row.get("job")),
            job_name=r7_text(part(row, "job", "name")),
        )
        if activity.uuid:
            by_uuid.setdefault(activity.uuid, activity)
    return [activity for activity in by_uuid.values() if activity.job_uuid]


def r1_subjects(job: Job) -> list[Subject]:
    """R1: the subjects on the job's two order lists."""
    subjects: list[Subject] = []
    for uuid in {**job.buyers, **job.non_buyers}:
        listed = [*job.buyers.get(uuid, []), *job.non_buyers.get(uuid, [])]
        copies = [*listed, *job.subjects_in_details.get(uuid, [])]
        images = frozenset[str]().union(*map(image_references, copies))
        subjects.append(
            Subject(uuid, r2_is_buyer(uuid, job), r1_values(listed), images)
        )
    return subjects


def r1_values(copies: Sequence[Row]) -> dict[str, object]:
    """R1: for each field, the first value of the copies that is not empty."""
    return {
        field: next(
            (copy[field] for copy in copies if r1_has_value(field, copy.get(field))),
            None,
        )
        for field in SUBJECT_FIELDS
    }


def r1_has_value(field: str, value: object) -> bool:
    """R1: whether a value of a field counts as one, rather than as empty."""
    if field in DELIVERY_FIELDS:
        return any(r7_text(part(value, name)) for name in DELIVERY_PARTS)
    if field in ACTIVITY_FIELDS:
        return uuid_of(value) != ""
    if field in CONSENT_FIELDS and isinstance(value, bool):
        return True
    return r7_text(value) != ""


def r1_activities(subject: Subject, job: Job) -> list[tuple[Activity | None, str]]:
    """R1: the activities that a subject is a candidate with, and how they resolve."""
    direct = {uuid_of(subject.values[field]) for field in ACTIVITY_FIELDS}
    images = [image for uuid in subject.images for image in job.images.get(uuid, [])]
    known = (direct | {image_activity(image) for image in images}) - {""}
    if not known:
        return [(min(job.on_sale, key=r1_earliest), "job")]
    found = [activity for activity in job.on_sale if activity.uuid in known]
    if not found:
        return [(None, "")]
    return [
        (activity, "direct" if activity.uuid in direct else "image")
        for activity in found
    ]


def r1_earliest(activity: Activity) -> tuple[bool, datetime, str]:
    """R1: earliest `starting`, unknown last, then smallest uuid."""
    starting = activity.starting
    return starting is None, starting or END_OF_TIME, activity.uuid


def r2_is_buyer(subject_uuid: str, job: Job) -> bool:
    """R2: a subject on the buyers' list is a buyer, whatever other list it is on."""
    return subject_uuid in job.buyers


# R7 and R10: columns


def r7_job_name(details: object, on_sale: Sequence[Activity]) -> str:
    """R7: the job details' name, else the one on its activities."""
    names = [job_name(details), *(activity.job_name for activity in on_sale)]
    return next(filter(None, names), "")


def r7_parent_name(candidate: Candidate) -> str:
    """R7: the first name of a parent that is not the subject's own."""
    values = candidate.subject.values
    first_user = [user.name for user in candidate.users[:1]]
    names = [
        *first_user,
        r7_text(part(values["delivery_1"], "name")),
        r7_text(part(values["delivery_2"], "name")),
        r7_text(values["parent_name"]),
    ]
    own_name = r7_own_name(values).casefold()
    return next((name for name in names if name and name.casefold() != own_name), "")


def r7_own_name(values: Mapping[str, object]) -> str:
    """R7: "first last"; `name` only where both are empty."""
    first_and_last = [r7_text(values["first_name"]), r7_text(values["last_name"])]
    return " ".join(filter(None, first_and_last)) or r7_text(values["name"])


def r10_access_key(answer: object) -> str:
    """R10: the first non-empty key, trimmed; empty where there is none."""
    return next(filter(None, access_keys(answer)), "")


def r10_root(base_url: str) -> str:
    """R10: the portal's base URL without `/api/v1`."""
    return base_url.strip(BLANKS).rstrip("/").removesuffix("/api/v1").rstrip("/")


def r10_url(candidate: Candidate) -> str:
    """R10: `ROOT/gallery/SUBJECT`."""
    root = r10_root(candidate.config.base_url)
    return f"{root}/gallery/{quote(candidate.subject.uuid, safe='')}"


def r10_custom_gallery_url(candidate: Candidate) -> str:
    """R10: `ROOT/?code=KEY`."""
    root = r10_root(candidate.config.base_url)
    return f"{root}/?code={quote(candidate.access_key, safe='')}"


# R12 and R13: fates


def portal_rules(
    candidates: Sequence[Candidate],
    suppressed: Mapping[str, datetime],
    variables: Variables,
) -> Rules:
    """R4 and R9: the addresses of a portal that are shared, stopped or denied."""
    by_subject = {(one.job.uuid, one.subject.uuid): one for one in candidates}
    phones: dict[str, list[list[str]]] = {}
    emails: dict[str, list[list[str]]] = {}
    denied: dict[str, datetime] = {}
    for (job_uuid, _), one in by_subject.items():
        routes = r4_routes(one.users, one.subject.values, variables.contact_routes)
        valid_phones, valid_emails = r4_valid(routes, one.config.region)
        phones.setdefault(job_uuid, []).append(valid_phones)
        emails.setdefault(job_uuid, []).append(valid_emails)
        explicit = r8_explicit_marketing(one)
        if explicit.denies:
            at = explicit.at or variables.as_of
            for address in valid_phones + valid_emails:
                denied[address] = max(at, denied.get(address, at))
    most = variables.max_subjects_per_address
    shared = r4_shared(phones.values(), most) | r4_shared(emails.values(), most)
    return Rules(shared, suppressed, denied)


def r8_explicit_marketing(candidate: Candidate) -> Explicit:
    """R8: what the marketing consent field itself says."""
    values = candidate.subject.values
    return r8_explicit(
        values["sms_marketing_consent"], values["sms_marketing_timestamp"]
    )


def judge(candidate: Candidate, rules: Rules, variables: Variables) -> Judged:
    """A candidate with its contacts and the first reason against it (R13)."""
    config = candidate.config
    explicit = r8_explicit_marketing(candidate)
    marketing = r8_marketing(explicit, config.consent_basis, candidate.starting)
    routes = r4_routes(
        candidate.users, candidate.subject.values, variables.contact_routes
    )
    valid_phones, valid_emails = r4_valid(routes, config.region)
    texts = [route.phone for route in routes]
    phones = r4_contacts(texts, valid_phones, rules, explicit)
    texts = [route.email for route in routes]
    emails = r4_contacts(texts, valid_emails, rules, explicit)
    shown = r3_shown_email(candidate.users, rules, explicit)
    reason = r13_reason(candidate, phones, emails, marketing, variables)
    return Judged(
        candidate,
        phones,
        emails,
        marketing,
        shown,
        phone_route(routes, first(phones.usable), config.region),
        email_route(routes, first(emails.usable)),
        reason,
    )


def first(addresses: Sequence[str]) -> str:
    """The best of some addresses; empty where there is none."""
    return next(iter(addresses), "")


def r13_reason(
    candidate: Candidate,
    phones: Contacts,
    emails: Contacts,
    marketing: Consent,
    variables: Variables,
) -> str:
    """R13: the first reason that applies, duplicates aside; empty if there is none."""
    contact_reason = r13_contact_reason(phones, emails, variables.contact_filter)
    subject = candidate.subject
    group = r7_text(subject.values["group"])
    reasons = {
        "filter_portal": r11_leaves_out(variables.portals, candidate.config.portal),
        "filter_job": r11_leaves_out(variables.job_uuids, candidate.job.uuid),
        "filter_group": r11_leaves_out(variables.groups, group),
        "activity_not_in_webshop": candidate.activity is None,
        "filter_registered": variables.registered_only and not candidate.users,
        "no_images": variables.require_images and not subject.images,
        contact_reason: contact_reason != "",
        "consent_denied": marketing.denied,
        "consent_missing": r8_is_missing(marketing, variables),
        "consent_expired": r8_is_expired(marketing, variables),
        "access_key_missing": not candidate.access_key,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def r11_leaves_out(chosen: Sequence[str], value: str) -> bool:
    """R11: lists of portals, jobs and groups match exactly; empty: all."""
    return bool(chosen) and value not in chosen


def r13_contact_reason(phones: Contacts, emails: Contacts, contact_filter: str) -> str:
    """R13: what is wrong with the routes that the contact filter looks at."""
    looked_at = {"phone": [phones], "email": [emails], "any": [phones, emails]}
    contacts = looked_at[contact_filter]
    if any(kind.usable for kind in contacts):
        return ""
    if any(kind.own for kind in contacts):
        return "suppressed"
    if any(kind.valid for kind in contacts):
        return "contact_shared"
    if any(kind.has_text for kind in contacts):
        return "contact_invalid"
    return "contact_missing"


def r12_without_buyers(judged: Sequence[Judged], within: str) -> list[Judged]:
    """R12: no reminder to the phone of a buyer of the same job or portal."""
    if within == "never":
        return [*judged]
    places = {
        r12_contact(one, within)
        for one in judged
        if not one.reason and one.candidate.subject.is_buyer
    }
    return [
        replace(one, reason="buyer_elsewhere")
        if not one.reason
        and not one.candidate.subject.is_buyer
        and r12_contact(one, within) in places
        else one
        for one in judged
    ]


def r12_contact(one: Judged, within: str) -> tuple[str, ...]:
    """R12: the phone, or the e-mail of a row without, in its job or portal."""
    job_uuid = one.candidate.job.uuid if within == "job" else ""
    phones, emails = one.phones.usable, one.emails.usable
    contact = ("phone", phones[0]) if phones else ("email", emails[0])
    return one.candidate.config.portal, job_uuid, *contact


def r12_deduplicated(judged: Sequence[Judged], dedup_by: str) -> list[Judged]:
    """R12: one row remains for each phone or e-mail; the others are duplicates."""
    if dedup_by == "activity_subject":
        return [*judged]
    fated: list[Judged] = [one for one in judged if one.reason]
    taken: set[tuple[str, ...]] = set()
    for one in sorted((one for one in judged if not one.reason), key=r12_order):
        place = r12_place(one, dedup_by)
        fated.append(replace(one, reason="duplicate") if place in taken else one)
        taken.add(place)
    return fated


def r12_order(one: Judged) -> tuple[bool, datetime, str, str, str]:
    """R12: earliest `starting` (unknown last), activity, subject and job uuid."""
    candidate = one.candidate
    starting = candidate.starting
    return (
        starting is None,
        starting or END_OF_TIME,
        candidate.activity_uuid,
        candidate.subject.uuid,
        candidate.job.uuid,
    )


def r12_place(one: Judged, dedup_by: str) -> tuple[str, ...]:
    """R12: rows of one audience with the same place compete."""
    within = "job" if dedup_by == "phone_job" else "portal"
    return yes_or_no(one.candidate.subject.is_buyer), *r12_contact(one, within)


# The rows of the export contract


def yes_or_no(value: object) -> str:
    """`buyer` and `registered_user` are Yes or No."""
    return "Yes" if value else "No"


def exclusion_row(one: Judged) -> dict[str, str]:
    """A row of exclusions.csv."""
    return {
        "portal": one.candidate.config.portal,
        "job_uuid": one.candidate.job.uuid,
        "activity_uuid": one.candidate.activity_uuid,
        "subject_uuid": one.candidate.subject.uuid,
        "buyer": yes_or_no(one.candidate.subject.is_buyer),
        "reason": one.reason,
    }


def evidence_row(one: Judged) -> dict[str, str]:
    """A row of evidence.csv: on what consent an exported row rests."""
    explicit = r8_explicit_marketing(one.candidate)
    is_own_date = explicit.grants and explicit.at is not None
    return {
        "portal": one.candidate.config.portal,
        "job_uuid": one.candidate.job.uuid,
        "activity_uuid": one.candidate.activity_uuid,
        "subject_uuid": one.candidate.subject.uuid,
        "audience": "buyers" if one.candidate.subject.is_buyer else "non_buyers",
        "basis": "explicit" if explicit.grants else "webshop",
        "dated_by": "field" if is_own_date else "starting",
        "consented_at": r8_written(one.marketing.at),
        "phone_route": one.phone_route,
        "email_route": one.email_route,
    }


def export_row(one: Judged) -> dict[str, str]:
    """The 28 columns, in order."""
    row = {
        **job_columns(one.candidate),
        **subject_columns(one.candidate),
        **contact_columns(one),
        **consent_columns(one),
        **registration_columns(one),
    }
    return {column: row[column] for column in EXPORT_COLUMNS}


def job_columns(candidate: Candidate) -> dict[str, str]:
    """The columns about the portal, the job and the activity."""
    return {
        "portal": candidate.config.portal,
        "job_uuid": candidate.job.uuid,
        "job_name": candidate.job.name,
        "activity_uuid": candidate.activity_uuid,
        "activity_name": candidate.activity.name if candidate.activity else "",
        "resolution_strategy": candidate.strategy,
    }


def subject_columns(candidate: Candidate) -> dict[str, str]:
    """The columns about the subject and its gallery."""
    values = candidate.subject.values
    return {
        "subject_uuid": candidate.subject.uuid,
        "external_id": r7_text(values["external_id"]),
        "first_name": r7_text(values["first_name"]),
        "last_name": r7_text(values["last_name"]),
        "parent_name": r7_parent_name(candidate),
        "country": r7_text(values["country"]) or r7_text(candidate.config.country),
        "group": r7_text(values["group"]),
        "buyer": yes_or_no(candidate.subject.is_buyer),
        "access_code": candidate.access_key,
        "url": r10_url(candidate),
        "custom_gallery_url": r10_custom_gallery_url(candidate),
    }


def contact_columns(one: Judged) -> dict[str, str]:
    """R4: the first two distinct usable phones and e-mails along the routes."""
    phones = [*one.phones.usable, "", ""]
    emails = [*one.emails.usable, "", ""]
    return {
        "phone_number": phones[0],
        "phone_number_2": phones[1],
        "email": emails[0],
        "email_2": emails[1],
    }


def consent_columns(one: Judged) -> dict[str, str]:
    """R8: who is exported has consented to marketing."""
    values = one.candidate.subject.values
    explicit = r8_explicit(
        values["sms_transactional_consent"], values["sms_transactional_timestamp"]
    )
    transactional, transactional_at = r8_transactional(explicit, one.candidate.starting)
    return {
        "sms_marketing_consent": "SUBSCRIBE",
        "sms_marketing_timestamp": r8_written(one.marketing.at),
        "sms_transactional_consent": transactional,
        "sms_transactional_timestamp": r8_written(transactional_at),
    }


def registration_columns(one: Judged) -> dict[str, str]:
    """R3: the registered user that is first in rank."""
    users = one.candidate.users
    return {
        "registered_user": yes_or_no(users),
        "registered_user_uuid": users[0].uuid if users else "",
        "registered_user_email": one.shown_email,
    }


def r3_shown_email(users: Sequence[User], rules: Rules, marketing: Explicit) -> str:
    """R3: shown as R6 writes it, empty when not valid, shared or suppressed."""
    email = r6_email(users[0].email) if users else ""
    is_hidden = email in rules.shared or r9_is_suppressed(email, rules, marketing)
    return "" if is_hidden else email
