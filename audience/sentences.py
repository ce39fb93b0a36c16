"""A trace in sentences: why someone gets a text or none, rule by rule."""

from collections.abc import Iterator

from audience.databases import Row
from audience.promoted import COPY, NONE, OTHER, SAME, UNREADABLE
from audience.trace import Trace
from audience.wording import shown
from common.text import counted

INDENT = "  "
# All contact routes fit in.
LONGEST_FILTER = 100
ROUTES = {
    "registered_user": "registered user",
    "delivery_1": "delivery 1",
    "delivery_2": "delivery 2",
    "subject": "the subject's own",
    "subject_2": "the subject's own, second",
}
CHANNELS = {"sms": "phone", "email": "e-mail"}
INVALID = {
    "sms": "not a phone that can be texted (R5)",
    "email": "not a valid e-mail (R6)",
}
PLACES = {
    ("sms", 1): "used as phone_number",
    ("sms", 2): "used as phone_number_2",
    ("email", 1): "used as email",
    ("email", 2): "used as email_2",
}
DATED_BY = {"field": "with its own date", "starting": "dated by the activity's start"}
FOUND_BY = {
    "direct": "the subject names it",
    "image": "one of the subject's images belongs to it",
    "job": "the subject has no known activity, so the job's first one counts",
}


def render(trace: Trace, *, show: bool) -> str:
    """Return the text without a final line break."""
    lines = [*_about(trace["build"]), ""]
    if not show:
        lines += [
            "Names, phones, e-mails and keys are masked; --show reveals them.",
            "",
        ]
    people = trace["people"]
    for number, person in enumerate(people, 1):
        subject, portal = shown(person["subject_uuid"]), shown(person["portal"])
        title = f"{number} of {len(people)}. Subject {subject} of portal {portal}"
        unused = trace["build"]["unused_routes"]
        lines += [title, *_person(person, unused), ""]
    return "\n".join(lines).rstrip()


def _about(build: Row) -> Iterator[str]:
    yield (
        f"Load {shown(build['load_id'])}, as of {build['as_of']}; "
        f"run {shown(build['run_id'])}."
    )
    filters = ", ".join(
        f"{name} {shown(v, LONGEST_FILTER)}" for name, v in build["filters"].items()
    )
    yield f"Filters (R11): {filters}."
    if build["obstacle"]:
        yield (
            "CAUTION, results may be inconsistent: the build did not finish or did "
            f"not pass: {build['obstacle']}."
        )
    yield _promoted(build["promoted"], build["run_id"])


def _promoted(promoted: Row, run_id: str) -> str:
    this = f"this database is of run {shown(run_id)}"
    run = promoted["run_id"]
    said = {
        SAME: "This is the promoted run.",
        COPY: f"CAUTION: {this}; the promoted run {run} is a copy of it without "
        "people who said stop.",
        OTHER: f"CAUTION: {this}; the promoted run is {run}.",
        NONE: f"No run is promoted; {this}.",
        UNREADABLE: "CAUTION: the promoted run cannot be read: "
        f"{promoted['obstacle']}.",
    }
    return said[promoted["relation"]]


def _person(person: Row, unused_routes: list[str]) -> Iterator[str]:
    yield f"{INDENT}Job: {_named(person['job_name'], person['job_uuid'])}"
    if not person["is_subject"]:
        reason = (
            "only the job's details have the subject, not its order lists"
            if person["is_job_on_sale"]
            else "the job has no activity on sale"
        )
        yield f"{INDENT}Not a candidate: {reason} (R1)."
        return
    for candidate in person["candidates"]:
        yield from _candidate(candidate, person)
    yield f"{INDENT}Name: {_value(person['own_name'])}"
    yield f"{INDENT}Group: {_value(person['group_name'])}"
    yield f"{INDENT}Parent: {_value(person['parent_name'])}"
    buyer = "yes, on" if person["is_buyer"] else "no, only on"
    orders = "buyers" if person["is_buyer"] else "non-buyers"
    yield f"{INDENT}Buyer: {buyer} the job's list of {orders} (R2)"
    yield f"{INDENT}Registered users: {len(person['users'])} (R3)"
    yield f"{INDENT}Gallery key: {_value(person['access_code'])} (R10)"
    yield from _section("Activities (R1)", map(_activity, person["activities"]))
    routes = map(_route, person["routes"])
    yield from _section("Contact routes, best first (R4)", routes)
    if unused_routes:
        names = ", ".join(ROUTES[route] for route in unused_routes)
        yield f"{INDENT}Not looked at, as contact_routes does not list them: {names}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    yield f"{INDENT}{title}:" + ("" if found else " none")
    for line in found:
        yield f"{INDENT * 2}{line}"


def _named(name: str | None, uuid: str) -> str:
    return f"{shown(name)} ({shown(uuid)})" if name else shown(uuid)


def _value(value: str | None) -> str:
    return shown(value) if value else "none"


def _activity(activity: Row) -> str:
    strategy = activity["resolution_strategy"]
    found = strategy or ("direct" if activity["is_direct"] else "image")
    if not activity["is_on_sale"]:
        sale = "not on sale in this job: not a candidate"
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
    stops = list(_stops(route))
    obstacles = stops if route["is_suppressed"] else []
    if route["is_shared"]:
        where = "this job" if route["is_shared_in_job"] else "another job of the portal"
        subjects = counted(route["sharing_subjects"], "subject")
        obstacles = [f"{subjects} of {where} have it (R4)", *obstacles]
    if obstacles:
        return f"not used: {', and '.join(obstacles)}"
    if route["first_route_rank"] != route["route_rank"]:
        became = f"same address as on route {route['first_route_rank']}"
    else:
        place = PLACES.get((route["channel"], route["address_rank"]))
        became = place or "usable, but two better ones are used"
    if stops:
        became += f"; {', and '.join(stops)}, but a later explicit consent lifts this"
    return became


def _stops(route: Row) -> Iterator[str]:
    """Yield who stopped an address and when; never which other subject did."""
    if route["suppressed_at"]:
        yield f"suppressed since {route['suppressed_at']} (R9)"
    if route["denied_at"]:
        yield f"another subject with it refused marketing at {route['denied_at']} (R9)"


def _candidate(candidate: Row, person: Row) -> Iterator[str]:
    uuid = candidate["activity_uuid"]
    activity = (
        _named(candidate["activity_name"], uuid) if uuid else "no activity on sale"
    )
    yield f"{INDENT}For {activity}: {_fate(candidate, person)}"
    lines = [*_checks(candidate["checks"]), *_places(candidate)]
    lines.append(f"Marketing consent: {_consent(candidate)} (R8)")
    if candidate["fate"] == "exported":
        lines.append(f"Evidence: {_evidence(candidate)}")
    if promoted_fate := candidate["promoted_fate"]:
        lines.insert(0, f"In the promoted run: {_promoted_fate(promoted_fate)}")
    for line in lines:
        yield f"{INDENT * 2}{line}"


def _fate(candidate: Row, person: Row) -> str:
    fate = candidate["fate"]
    if fate == "exported":
        address = f"phone {_value(candidate['phone_number'])}"
        if not candidate["phone_number"]:
            address = f"no phone, e-mail {_value(candidate['email'])}"
        return f"EXPORTED to {person['portal']}'s {candidate['audience']}: {address}"
    if fate == "not_written":
        return (
            "NOT WRITTEN: the rules export it, but the variable audience leaves out "
            f"the {candidate['audience']}"
        )
    labels = {check["reason"]: check["label"] for check in candidate["checks"]}
    return f"NOT EXPORTED: {shown(labels[fate])} ({shown(fate)}, R13)"


def _promoted_fate(fate: str) -> str:
    if fate == "exported":
        return "EXPORTED"
    if fate == "no_candidate":
        return "not in it"
    return f"NOT EXPORTED ({shown(fate)})"


def _evidence(candidate: Row) -> str:
    """Return what evidence.csv says of an exported row."""
    routes = {"phone": candidate["phone_route"], "e-mail": candidate["email_route"]}
    used = [f"{name} from {ROUTES[route]}" for name, route in routes.items() if route]
    dated = DATED_BY[candidate["marketing_dated_by"]]
    return ", ".join([f"{candidate['marketing_basis']} consent {dated}", *used])


def _consent(candidate: Row) -> str:
    explicit = candidate["marketing_basis"] == "explicit"
    at = candidate["marketing_at"]
    dated = f", dated {at}" if at else ", undated"
    match candidate["marketing_decision"]:
        case "deny":
            return f"denied by the subject's own field{dated}"
        case "grant" if explicit:
            return f"granted by the subject's own field{dated}"
        case "grant":
            return f"granted by the portal's consent basis webshop{dated}"
    if candidate["is_marketing_unknown"]:
        return (
            "none: the subject's field has an unknown word. If it means yes or no, add "
            "it to seeds/consent_values.csv"
        )
    return "none: the subject's field does not grant it and no consent basis does"


def _checks(checks: list[Row]) -> Iterator[str]:
    """Yield the reasons that apply, in the order of R13, with what to do."""
    applying = [check for check in checks if check["does_apply"]]
    others = [check["reason"] for check in checks if not check["does_apply"]]
    for number, check in enumerate(applying):
        also = "Also" if number else "Why"
        yield f"{also}: {check['meaning']} ({check['reason']}, {check['rule']})"
        yield f"{INDENT}What to do: {check['remedy']}"
    yield f"Reasons that do not apply (R13): {', '.join(map(shown, others))}"


def _places(candidate: Row) -> Iterator[str]:
    if candidate["kept_subject_uuid"]:
        yield (
            f"Kept instead: subject {shown(candidate['kept_subject_uuid'])}, activity "
            f"{shown(candidate['kept_activity_uuid'])}, job "
            f"{shown(candidate['kept_job_uuid'])} (R12)"
        )
    if candidate["displaced"]:
        rows = counted(candidate["displaced"], "other row")
        yield f"Kept instead of {rows} (R12)"
