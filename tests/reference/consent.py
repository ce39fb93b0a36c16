"""Consent: rule R8."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.reference.dates import r8_read
from tests.reference.interface import Variables
from tests.reference.text import ascii_lower, trimmed

GRANTS = {"subscribe", "subscribed", "yes", "true", "1", "opt_in", "opt-in", "opted_in"}
DENIES = {
    *("unsubscribe", "unsubscribed", "no", "false", "0"),
    *("opt_out", "opt-out", "opted_out"),
    *("stop", "stopall", "end", "quit", "cancel", "revoke"),
}


@dataclass(frozen=True)
class Explicit:
    """What a consent field itself says, and its own timestamp where readable.

    `is_unknown`: it holds a word that neither grants nor denies.
    """

    grants: bool
    denies: bool
    is_unknown: bool
    at: datetime | None


@dataclass(frozen=True)
class Consent:
    """Whether marketing is consented to, and since when."""

    granted: bool
    denied: bool
    at: datetime | None


def r8_explicit(field: object, timestamp: object) -> Explicit:
    """R8: the words that grant and deny; only A to Z are the same in any case."""
    word = str(field) if isinstance(field, bool) else trimmed(field)
    word = ascii_lower(word)
    is_unknown = word != "" and word not in GRANTS | DENIES
    return Explicit(word in GRANTS, word in DENIES, is_unknown, r8_read(timestamp))


def r8_marketing(
    explicit: Explicit, consent_basis: str, starting: datetime | None
) -> Consent:
    """R8: the field decides; where it is empty, the portal's basis does."""
    if explicit.denies:
        return Consent(granted=False, denied=True, at=None)
    if explicit.grants:
        return Consent(granted=True, denied=False, at=explicit.at or starting)
    if consent_basis == "webshop" and not explicit.is_unknown:
        return Consent(granted=True, denied=False, at=starting)
    return Consent(granted=False, denied=False, at=None)


def r8_is_missing(consent: Consent, variables: Variables) -> bool:
    """R8: no consent, no date, or a date after `as_of`."""
    return not consent.granted or consent.at is None or consent.at > variables.as_of


def r8_is_expired(consent: Consent, variables: Variables) -> bool:
    """R8: older than `consent_max_age_days` times 24 hours before `as_of`."""
    oldest_age = timedelta(hours=24) * variables.consent_max_age_days
    return consent.at is not None and variables.as_of - consent.at > oldest_age


def r8_transactional(
    explicit: Explicit, starting: datetime | None
) -> tuple[str, datetime | None]:
    """R8: transactional consent and its date, which are only shown."""
    shown = "UNSUBSCRIBE" if explicit.denies else "SUBSCRIBE"
    decides = explicit.grants or explicit.denies
    return shown, (explicit.at if decides else None) or starting
