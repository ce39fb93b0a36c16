"""A suppression list for a sandbox world: people who have said stop."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from extract.sandbox.words import EMAIL_FORMATS, PHONE_FORMATS, Row, turn
from extract.sandbox.world import World

# Of how many jobs a portal people are suppressed, and how many subjects apart.
JOBS: Final = 20
EVERY: Final = 8
REASONS: Final = ("STOP", 'complaint, "by phone"', "bounced", "", "=opt-out\nby mail")
PHONE_FIELDS: Final = ("mobile_phone", "phone_number", "phone_number_2")
EMAIL_FIELDS: Final = ("email_address", "email", "email_2", "userUsername")
_PHONE: Final = re.compile(r"([2-9]\d\d)5550(1\d\d)")
_EMAIL: Final = re.compile(r"[^@\s;]+@[^@\s;]+\.[^@\s;]+")


def suppressions(world: World) -> list[dict[str, str]]:
    """Rows of `channel`, `address`, `suppressed_at` and `reason` for some of the world.

    Every eighth subject that has a phone, in the first jobs, is suppressed: in turn by
    all its phones and e-mails, by one phone, or by one e-mail. Addresses are written in
    many ways, some come twice, and the last is of nobody. Where the subject has a time
    of consent of its own, every other one is suppressed before it, so that an explicit
    grant lifts the suppression (R9), the rest after it.
    """
    rows: list[dict[str, str]] = []
    for portal in world["portals"].values():
        for n, (subject, sources) in enumerate(_reachable(portal)):
            if n % EVERY == 0:
                rows += _stops(subject, sources, n // EVERY)
    return [*rows, _row("sms", "(202) 555-0199", datetime(2024, 1, 1, tzinfo=UTC), 0)]


def _reachable(portal: Row) -> Iterator[tuple[Row, list[Row]]]:
    """The listed subjects with a phone, each with the objects that hold contacts."""
    for job in islice(portal["jobs"].values(), JOBS):
        accounts = _accounts(portal, job)
        for subject in job["buyers"] + job["non_buyers"]:
            deliveries = (subject.get("delivery_1"), subject.get("delivery_2"))
            sources = [subject, *(d for d in deliveries if isinstance(d, dict))]
            sources += accounts[subject["uuid"]]
            if _phones(sources):
                yield subject, sources


def _accounts(portal: Row, job: Row) -> defaultdict[str, list[Row]]:
    """The registrations of a job by subject, and the users that they name."""
    accounts: defaultdict[str, list[Row]] = defaultdict(list)
    for row in job["registrations"]:
        user = row.get("userUuid") or row.get("uuid")
        accounts[row["subjectUuid"]] += [row, portal["users"].get(user) or {}]
    return accounts


def _phones(sources: list[Row]) -> list[tuple[str, str]]:
    """The fictional phones of the sources: area code and last three digits."""
    texts = [re.sub(r"\D", "", text) for text in _texts(sources, PHONE_FIELDS)]
    matches = [_PHONE.search(text) for text in texts]
    return list(dict.fromkeys((match[1], match[2]) for match in matches if match))


def _emails(sources: list[Row]) -> list[str]:
    matches = [_EMAIL.search(text) for text in _texts(sources, EMAIL_FIELDS)]
    return list(dict.fromkeys(match[0].lower() for match in matches if match))


def _texts(sources: list[Row], fields: tuple[str, ...]) -> list[str]:
    values = [source.get(field) for source in sources for field in fields]
    return [str(value) for value in values if isinstance(value, str | int)]


def _stops(subject: Row, sources: list[Row], n: int) -> Iterator[dict[str, str]]:
    at = _stopped_at(subject, before=n % 2 == 0)
    most_phones, most_emails = turn(n, ((None, None), (1, 0), (0, 1)))
    phones, emails = _phones(sources)[:most_phones], _emails(sources)[:most_emails]
    for place, (area, line) in enumerate(phones, n):
        yield _row("sms", turn(place, PHONE_FORMATS).format(a=area, l=line), at, place)
        if place % 5 == 0:
            earlier = at - timedelta(days=90)
            yield _row("sms", f"+1{area}5550{line}", earlier, place + 1)
    for place, address in enumerate(emails, n):
        dirty = turn(place, EMAIL_FORMATS).format(address=address.title())
        yield _row("email", dirty, at, place)


def _stopped_at(subject: Row, *, before: bool) -> datetime:
    """A time before or after the subject's own grant; long ago where it has none."""
    granted = _time(subject.get("sms_marketing_timestamp"))
    if granted is None:
        return datetime(2024, 5, 1, 12, tzinfo=UTC)
    return granted + timedelta(days=-7 if before else 2)


def _time(value: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _row(channel: str, address: str, at: datetime, n: int) -> dict[str, str]:
    forms = (
        at.isoformat(),
        f"{at:%Y-%m-%d}",
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    return {
        "channel": channel,
        "address": address,
        "suppressed_at": turn(n, forms),
        "reason": turn(n, REASONS),
    }
