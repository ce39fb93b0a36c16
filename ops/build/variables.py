"""The variables of a build (rule R11): what each takes, and which decide who is texted.

The defaults are in dbt_project.yml. A new variable is a line here and a line there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.errors import ConfigError
from publish.fields import Json
from publish.layout import AUDIENCES, FORMATS

SHOWN = 20
CONTACT_ROUTES = (
    "registered_user",
    "delivery_1",
    "delivery_2",
    "subject",
    "subject_2",
)

type Known = Mapping[str, Sequence[str]]
# Returns what is wrong with a value, to be read after the variable's name.
type Check = Callable[[object, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Variable:
    """A variable; a filter decides who is in an audience."""

    check: Check
    is_filter: bool = True


def _one_of(*words: str) -> Check:
    def check(value: object, _: Sequence[str]) -> list[str]:
        return [] if value in words else [f"cannot be {_shown(value)}{_allowed(words)}"]

    return check


def _list_of(*words: str, can_be_empty: bool = True) -> Check:
    def check(value: object, _: Sequence[str]) -> list[str]:
        if value == [] and not can_be_empty:
            return [f"must not be empty{_allowed(words)}"]
        return _list_of_known(value, words)

    return check


def _list_of_known(value: object, known: Sequence[str]) -> list[str]:
    if not isinstance(value, list):
        return ["must be a list, such as [a, b]"]
    return [
        f"cannot hold {_shown(item)}{_allowed(known)}"
        for item in value
        if item not in known
    ]


def _routes(value: object, _: Sequence[str]) -> list[str]:
    mistakes = _list_of(*CONTACT_ROUTES, can_be_empty=False)(value, ())
    if not mistakes and isinstance(value, list) and len(set(value)) < len(value):
        return ["must not have a route twice"]
    return mistakes


def _any_list(value: object, _: Sequence[str]) -> list[str]:
    return [] if isinstance(value, list) else _list_of_known(value, ())


def _flag(value: object, _: Sequence[str]) -> list[str]:
    return [] if isinstance(value, bool) else ["must be true or false"]


def _whole_number(largest: int | None = None) -> Check:
    limit = "" if largest is None else f" to {largest}"

    def check(value: object, _: Sequence[str]) -> list[str]:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and value >= 0 and (largest is None or value <= largest):  # type: ignore[operator]
            return []
        return [f"must be a whole number from 0{limit}"]

    return check


def _change(value: object, _: Sequence[str]) -> list[str]:
    if value is False:
        return []
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= 1000:  # type: ignore[operator]  # noqa: PLR2004
        return []
    return ["must be a number from 0 to 1000, or false"]


def _date(value: object, known: Sequence[str]) -> list[str]:
    if not as_text(value) or known:
        return []
    return ["must be an ISO 8601 date or date-time, such as 2026-01-31T00:00:00Z"]


VARIABLES = {
    "allow_unreadable": Variable(_whole_number(), is_filter=False),
    "as_of": Variable(_date),
    "audience": Variable(_one_of("both", *AUDIENCES)),
    "buyers_get_no_reminder": Variable(_one_of("never", "job", "portal")),
    "consent_max_age_days": Variable(_whole_number(36500)),
    "contact_filter": Variable(_one_of("phone", "email", "any")),
    "contact_routes": Variable(_routes),
    "dedup_by": Variable(_one_of("activity_subject", "phone_job", "phone")),
    "export_formats": Variable(_list_of(*FORMATS, can_be_empty=False), is_filter=False),
    "groups": Variable(_any_list),
    "job_uuids": Variable(_list_of_known),
    "max_change": Variable(_change, is_filter=False),
    "max_subjects_per_address": Variable(_whole_number()),
    "portals": Variable(_list_of_known),
    "promote": Variable(_flag, is_filter=False),
    "registered_only": Variable(_flag),
    "require_images": Variable(_flag),
}


def check_variables(
    values: Mapping[str, object], given: Iterable[str], known: Known
) -> None:
    """Raise ConfigError with every mistake: dbt takes any variable and value.

    `given` are the names on the command line, `values` those to check. `known` has the
    portals and the load's jobs, and for `as_of` the time that it was read as, if it
    could be.
    """
    mistakes = [
        f"unknown variable {_shown(name)} (allowed: {', '.join(VARIABLES)})"
        for name in given
        if name not in VARIABLES
    ]
    for name in filter(values.__contains__, VARIABLES):
        wrong = VARIABLES[name].check(values[name], known.get(name, ()))
        mistakes += [f"{name} {mistake}" for mistake in wrong]
    if mistakes:
        raise ConfigError("; ".join(mistakes))


def filters(values: Mapping[str, object]) -> dict[str, Json]:
    """Return the variables that decide who is in an audience."""
    return _chosen(
        values, [name for name, variable in VARIABLES.items() if variable.is_filter]
    )


def recorded(values: Mapping[str, object]) -> dict[str, Json]:
    """Return the variables that a manifest records: all but `promote`."""
    return _chosen(values, [name for name in VARIABLES if name != "promote"])


def everything(values: Mapping[str, object]) -> dict[str, Json]:
    """Return all variables."""
    return _chosen(values, list(VARIABLES))


def _chosen(values: Mapping[str, object], names: Sequence[str]) -> dict[str, Json]:
    return {
        name: as_text(values[name]) if name == "as_of" else _plain(values[name])
        for name in names
    }


def as_text(value: object) -> str:
    """Return `as_of` as text: YAML reads an unquoted one as a date."""
    return str(value or "").strip()


def _plain(value: object) -> Json:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def _allowed(words: Sequence[str]) -> str:
    more = f", and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f" (allowed: {', '.join(words[:SHOWN])}{more})"


def _shown(value: object) -> str:
    return " ".join(str(value).split())
