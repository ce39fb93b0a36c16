"""A trace in sentences, for whoever asks why somebody gets a text or none."""

from collections.abc import Iterator

from audience.databases import Row
from audience.trace import Trace
from audience.wording import counted, shown

INDENT = "  "
ROUTES = {
    "registered_user": "registered user",
    "delivery_1": "delivery 1",
    "delivery_2": "delivery 2",
    "subject": "the subject's own",
    "subject_2": "the subject's own, second",
}
CHANNELS = {"sms": "phone", "email": "e-mail"}
INVALID = {
    "sms": "no phone that can be texted (R5)",
    "email": "no valid e-mail (R6)",
}
PLACES = {
    ("sms", 1): "the first phone, phone_number",
    ("sms", 2): "the second phone, phone_number_2",
    ("email", 1): "the first e-mail, email",
    ("email", 2): "the second e-mail, email_2",
}
FOUND_BY = {
    "direct": "the subject names it itself",
    "image": "an image of the subject is of it",
    "job": "the subject has no known activity, so the job's first one stands in",
}


def render(trace: Trace, *, show: bool) -> str:
    """Return the whole text, without an end of line."""
    lines = [*_about(trace["build"]), ""]
    if not show:
        lines += ["Names, phones, e-mails and keys are masked: --show shows them.", ""]
    people = trace["people"]
    for number, person in enumerate(people, 1):
        lines += [f"{number} of {len(people)}. {_title(person)}", *_person(person), ""]
    return "\n".join(lines).rstrip()


def _about(build: Row) -> Iterator[str]:
    yield (
        f"Load {shown(build['load_id'])}, as of {build['as_of']}; "
        f"run {shown(build['run_id'])}."
    )
    filters = ", ".join(f"{name} {shown(v)}" for name, v in build["filters"].items())
    yield f"Filters (R11): {filters}."
    if build["obstacle"]:
        yield (
            "CAUTION, this may be of two minds: the run is no whole build that has "
            f"passed: {build['obstacle']}."
        )


def _title(person: Row) -> str:
    return (
        f"Subject {shown(person['subject_uuid'])} of portal {shown(person['portal'])}"
    )


def _person(person: Row) -> Iterator[str]:
    yield f"{INDENT}Job: {_named(person['job_name'], person['job_uuid'])}"
    if not person["is_subject"]:
        yield f"{INDENT}No candidate: {_no_subject(person)} (R1)."
        return
    for candidate in person["candidates"]:
        yield from _candidate(candidate, person)
    yield f"{INDENT}Name: {_value(person['own_name'])}"
    yield f"{INDENT}Group: {_value(person['group_name'])}"
    yield f"{INDENT}Parent: {_value(person['parent_name'])}"
    yield f"{INDENT}Buyer: {_buyer(person)}"
    yield f"{INDENT}Registered users: {len(person['users'])} (R3)"
    yield f"{INDENT}Gallery key: {_value(person['access_code'])} (R10)"
    yield from _section("Activities (R1)", map(_activity, person["activities"]))
    routes = map(_route, person["routes"])
    yield from _section("Where a message could go, best first (R4)", routes)


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    yield f"{INDENT}{title}:" + ("" if found else " none")
    for line in found:
        yield f"{INDENT * 2}{line}"


def _no_subject(person: Row) -> str:
    if not person["is_job_on_sale"]:
        return "the job has no activity on sale"
    return "only the job's details have the subject, and none of its order lists"


def _named(name: str | None, uuid: str) -> str:
    return f"{shown(name)} ({shown(uuid)})" if name else shown(uuid)


def _value(value: str | None) -> str:
    return shown(value) if value else "none"


def _buyer(person: Row) -> str:
    if person["is_buyer"]:
        return "yes, the job's list of buyers has the subject (R2)"
    return "no, only the job's list of non-buyers has the subject (R2)"


def _activity(activity: Row) -> str:
    strategy = activity["resolution_strategy"]
    found = strategy or ("direct" if activity["is_direct"] else "image")
    if not activity["is_on_sale"]:
        sale = "not on sale in this job: no candidate"
    else:
        sale = f"on sale, starting {activity['starting_at'] or 'unknown'}: candidate"
    name = _named(activity["activity_name"], activity["activity_uuid"])
    return f"{name}: {FOUND_BY[found]}; {sale}" + (f" ({strategy})" if strategy else "")


def _route(route: Row) -> str:
    name = ROUTES[route["route"]]
    if route["user_uuid"]:
        name += f" {shown(route['user_uuid'])}"
    address = shown(route["address"] or route["address_text"])
    channel = CHANNELS[route["channel"]]
    return f"{route['route_rank']}. {name}, {channel} {address}: {_became(route)}"


def _became(route: Row) -> str:
    if route["address"] is None:
        return INVALID[route["channel"]]
    if route["is_suppressed"]:
        return f"suppressed since {route['suppressed_at']}, so taken off (R9)"
    became = _place(route)
    if route["suppressed_at"]:
        became += (
            f"; suppressed since {route['suppressed_at']}, but a later explicit "
            "consent lifts that (R9)"
        )
    return became


def _place(route: Row) -> str:
    if route["first_route_rank"] != route["route_rank"]:
        return f"the same as on route {route['first_route_rank']}"
    place = PLACES.get((route["channel"], route["address_rank"]))
    return place or "usable, but two come before it"


def _candidate(candidate: Row, person: Row) -> Iterator[str]:
    uuid = candidate["activity_uuid"]
    activity = (
        _named(candidate["activity_name"], uuid) if uuid else "no activity on sale"
    )
    yield f"{INDENT}For {activity}: {_fate(candidate, person)}"
    lines = [*_checks(candidate["checks"]), *_places(candidate)]
    for line in (*lines, f"Marketing consent: {_consent(candidate)} (R8)"):
        yield f"{INDENT * 2}{line}"


def _fate(candidate: Row, person: Row) -> str:
    fate = candidate["fate"]
    if fate == "exported":
        address = f"phone {_value(candidate['phone_number'])}"
        if not candidate["phone_number"]:
            address = f"no phone, e-mail {_value(candidate['email'])}"
        return (
            f"EXPORTED, among {person['portal']}'s {candidate['audience']}: {address}"
        )
    if fate == "not_written":
        return (
            "IN NO FILE: exported by the rules, but the variable audience leaves the "
            f"{candidate['audience']} out"
        )
    return f"NOT EXPORTED: {shown(fate)} (R13)"


def _consent(candidate: Row) -> str:
    explicit = candidate["marketing_basis"] == "explicit"
    dated = f", dated {candidate['marketing_at'] or 'by nothing'}"
    match candidate["marketing_decision"]:
        case "deny":
            return f"denied by the subject's own field{dated}"
        case "grant" if explicit:
            return f"granted by the subject's own field{dated}"
        case "grant":
            return f"granted by the portal's basis webshop{dated}"
    return "none: the subject's field says nothing, and the portal's basis is explicit"


def _checks(checks: list[Row]) -> Iterator[str]:
    """Say what stands in the way, in the order of R13, and what would change it."""
    applying = [check for check in checks if check["does_apply"]]
    others = [check["reason"] for check in checks if not check["does_apply"]]
    for number, check in enumerate(applying):
        also = "Then also" if number else "Because"
        yield f"{also}: {check['meaning']} ({check['reason']}, {check['rule']})"
        yield f"{INDENT}What would change that: {check['remedy']}"
    yield f"Does not apply (R13): {', '.join(map(shown, others))}"


def _places(candidate: Row) -> Iterator[str]:
    if candidate["kept_subject_uuid"]:
        yield (
            f"Its place has: subject {shown(candidate['kept_subject_uuid'])}, activity "
            f"{shown(candidate['kept_activity_uuid'])}, job "
            f"{shown(candidate['kept_job_uuid'])} (R12)"
        )
    if candidate["displaced"]:
        rows = counted(candidate["displaced"], "other row")
        yield f"It has the place of {rows} (R12)"
