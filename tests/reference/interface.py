"""What the reference takes and gives: configuration, variables and results."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Portal = Mapping[str, object]
"""A portal's raw answers: activities, jobs and users, as a World holds them."""

EXPORT_COLUMNS = (
    "portal",
    "job_uuid",
    "job_name",
    "subject_uuid",
    "external_id",
    "first_name",
    "last_name",
    "parent_name",
    "phone_number",
    "phone_number_2",
    "email",
    "email_2",
    "country",
    "group",
    "buyer",
    "access_code",
    "url",
    "custom_gallery_url",
    "sms_marketing_consent",
    "sms_marketing_timestamp",
    "sms_transactional_consent",
    "sms_transactional_timestamp",
    "activity_uuid",
    "activity_name",
    "registered_user",
    "registered_user_email",
    "registered_user_uuid",
    "resolution_strategy",
)

EXCLUSION_COLUMNS = (
    "portal",
    "job_uuid",
    "activity_uuid",
    "subject_uuid",
    "buyer",
    "reason",
)

EVIDENCE_COLUMNS = (
    "portal",
    "job_uuid",
    "activity_uuid",
    "subject_uuid",
    "audience",
    "basis",
    "dated_by",
    "consented_at",
    "phone_route",
    "email_route",
)

REASONS = (
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
)
"""R13's reasons in the order in which they apply."""


CONTACT_ROUTES = (
    "registered_user",
    "delivery_1",
    "delivery_2",
    "subject",
    "subject_2",
)
"""R4's routes in their default order."""


@dataclass(frozen=True)
class PortalConfig:
    """One row of `seeds/portals.csv`."""

    portal: str
    base_url: str
    brand: str
    region: str
    country: str
    consent_basis: str


@dataclass(frozen=True, kw_only=True)
class Variables:
    """R11's variables; `as_of` is aware, and by default the load's `extracted_at`."""

    as_of: datetime
    portals: tuple[str, ...] = ()
    job_uuids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    require_images: bool = True
    registered_only: bool = False
    contact_filter: str = "phone"
    audience: str = "both"
    dedup_by: str = "activity_subject"
    consent_max_age_days: int = 365
    contact_routes: tuple[str, ...] = CONTACT_ROUTES
    max_subjects_per_address: int = 10
    buyers_get_no_reminder: str = "never"

    def __post_init__(self) -> None:
        """Raise ValueError where no route is left (R13)."""
        if not self.contact_routes:
            raise ValueError("contact_routes is empty")


@dataclass(frozen=True)
class Result:
    """Every candidate's fate.

    `portals`: the portals of the world. `exported`: rows of EXPORT_COLUMNS, whatever
    `audience` says, without the spreadsheet guard. `excluded`: rows of
    EXCLUSION_COLUMNS. `evidence`: a row of EVIDENCE_COLUMNS for each exported one.
    All are sorted by portal, job, activity and subject.
    """

    portals: tuple[str, ...]
    exported: list[dict[str, str]]
    excluded: list[dict[str, str]]
    evidence: list[dict[str, str]]
