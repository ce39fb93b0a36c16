"""The plan of one portal of a sandbox world: its jobs, families and dates.

Everything is a pure function of the plan and of the numbers of a job and a subject, so
any part of a large world can be made up when it is asked for.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Final

from extract.sandbox.words import (
    ACTIVITY_NAMES,
    FAMILY_NAMES,
    GIVEN_NAMES,
    JOB_NAMES,
    PLACES,
    TIMES,
    turn,
)

OLD_DAYS: Final = 420
FUTURE_DAYS: Final = 30
# The start of a job's extra activity, by job in turn; None: it has no such activity.
ODD_STARTS: Final = ("undated", "old", "future", None)
USERS_IN_A_FAMILY: Final = (1, 0, 2, 1, 0, 1, 0)
BUYER_SHARE: Final = 0.4
# By the last digit of its number, a subject has a sibling: in its job, or, in every
# other job, in the job before.
SIBLING_DIGIT: Final = 4
LATER_SIBLING_DIGIT: Final = 7


@dataclass(frozen=True)
class Plan:
    """One portal: its path key, its size, and what its people have in common.

    `plain`: every subject is an ordinary one, which has a key and known users.
    """

    seed: int
    key: str
    jobs: int
    subjects: int
    today: date
    country: str
    areas: tuple[str, ...]
    explicit: bool
    plain: bool = False

    def rng(self, *parts: object) -> Random:
        """Return a separate generator for a part of the portal."""
        # The same seed must give the same data; nothing secret depends on it.
        return Random("/".join(map(str, (self.seed, self.key, *parts))))  # noqa: S311

    def serial(self, job: int, subject: int) -> int:
        """Return the number of a subject within the portal."""
        return job * self.subjects + subject

    def day(self, days_ago: int) -> str:
        """Return a day counted back from today, as YYYY-MM-DD."""
        return (self.today - timedelta(days=days_ago)).isoformat()


@dataclass(frozen=True)
class Activity:
    """An activity on sale."""

    uuid: str
    name: str
    starting: str | None


@dataclass(frozen=True)
class Frame:
    """What the subjects of one job share.

    `good` are activities that leave webshop consent valid, `odd` is at most one whose
    start is unknown, long ago or in the future; `closed` is the uuid of one off sale.
    """

    number: int
    uuid: str
    name: str
    good: tuple[Activity, ...]
    odd: tuple[Activity, ...]
    closed: str
    group_photo: str

    @property
    def starts_well(self) -> bool:
        """Return whether the job's earliest activity is one of the good ones."""
        return turn(self.number, ODD_STARTS) != "old"


@dataclass(frozen=True)
class Family:
    """Two parents, the contact data they give, and the accounts they hold.

    A phone is its area code and last three digits.
    """

    name: str
    parents: tuple[str, str]
    phones: tuple[tuple[str, str], tuple[str, str]]
    emails: tuple[str, str]
    users: tuple[str, ...]
    buys: bool


def new_uuid(rng: Random) -> str:
    """Return a random uuid (version 4)."""
    hex_digits = f"{rng.getrandbits(128):032x}"
    first, second, third = hex_digits[:8], hex_digits[8:12], hex_digits[13:16]
    return f"{first}-{second}-4{third}-a{hex_digits[17:20]}-{hex_digits[20:]}"


def user_uuid(rng: Random, job: int, subject: int) -> str:
    """Return a uuid whose last 12 digits are the user's job and subject."""
    return f"{new_uuid(rng)[:24]}{job:06x}{subject:06x}"


def user_home(uuid: str) -> tuple[int, int]:
    """Return the job and subject of a user's uuid; ValueError for other text."""
    return int(uuid[24:30], 16), int(uuid[30:36], 16)


def time(plan: Plan, days_ago: int, form: str) -> str:
    """Return a time in one of the forms of words.TIMES, counted back from today."""
    return form.format(day=plan.day(days_ago))


@lru_cache(maxsize=4096)
def frame(plan: Plan, number: int) -> Frame:
    """Return the frame of a job, by its number."""
    rng = plan.rng("job", number)
    place = f"{turn(number, PLACES)} {number + 1}"
    return Frame(
        number=number,
        uuid=new_uuid(rng),
        name=turn(number, JOB_NAMES).format(place=place),
        good=tuple(_good(plan, rng, number + n) for n in range(1 + number % 3)),
        odd=_odd(plan, rng, number),
        closed=new_uuid(rng),
        group_photo=new_uuid(rng),
    )


def _good(plan: Plan, rng: Random, turns: int) -> Activity:
    starting = time(plan, rng.randint(5, 200), turn(turns, TIMES))
    return Activity(new_uuid(rng), turn(turns, ACTIVITY_NAMES), starting)


def _odd(plan: Plan, rng: Random, number: int) -> tuple[Activity, ...]:
    kind = turn(number, ODD_STARTS)
    if kind is None:
        return ()
    starts = {
        "undated": None,
        "old": time(plan, OLD_DAYS, turn(number, TIMES)),
        "future": time(plan, -FUTURE_DAYS, turn(number, TIMES)),
    }
    return (Activity(new_uuid(rng), "Make-up Day", starts[kind]),)


def home(job: int, subject: int) -> tuple[int, int]:
    """Return the subject that a family is made up with: this or the older sibling."""
    if subject % 10 == SIBLING_DIGIT:
        return job, subject - 1
    if subject % 10 == LATER_SIBLING_DIGIT and job % 2:
        return job - 1, subject
    return job, subject


def family(plan: Plan, job: int, subject: int) -> Family:
    """Return the family that is made up with a subject."""
    rng = plan.rng("family", job, subject)
    serial = plan.serial(job, subject)
    name = rng.choice(FAMILY_NAMES)
    given = rng.choice(GIVEN_NAMES), rng.choice(GIVEN_NAMES)
    users = range(turn(serial, USERS_IN_A_FAMILY))
    return Family(
        name=name,
        parents=(f"{given[0]} {name}", f"{given[1]} {name}"),
        phones=(_phone(plan, 2 * serial), _phone(plan, 2 * serial + 1)),
        emails=(
            f"{_ascii(given[0])}.{_ascii(name)}.{serial}@example.com",
            f"{_ascii(name)}+{serial}@Example.org",
        ),
        users=tuple(user_uuid(rng, job, subject) for _ in users),
        buys=rng.random() < BUYER_SHARE,
    )


def _ascii(name: str) -> str:
    return name.encode("ascii", "ignore").decode().replace("'", "")


def _phone(plan: Plan, number: int) -> tuple[str, str]:
    """Return a fictional phone: 555-0100 to 555-0199, a hundred in each area code."""
    return turn(number // 100, plan.areas), f"{100 + number % 100}"
