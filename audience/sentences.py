"""A trace in sentences: why someone gets a text or none, rule by rule.

explanation.txt is the text; the sentences that need more than a choice of words are
made here.
"""

from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined

from audience.databases import Row
from audience.promoted import COPY, NONE, OTHER, SAME, UNREADABLE
from audience.trace import Trace
from audience.wording import shown
from common.text import counted

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
PROMOTED = {
    SAME: "This is the promoted run.",
    COPY: "CAUTION: {this}; the promoted run {run_id} is a copy of it without people "
    "who said stop.",
    OTHER: "CAUTION: {this}; the promoted run is {run_id}.",
    NONE: "No run is promoted; {this}.",
    UNREADABLE: "CAUTION: the promoted run cannot be read: {obstacle}.",
}
PROMOTED_FATES = {"exported": "EXPORTED", "no_candidate": "not in it"}
FOUND_BY = {
    "direct": "the subject names it",
    "image": "one of the subject's images belongs to it",
    "job": "the subject has no known activity, so the job's first one counts",
}


def render(trace: Trace, *, show: bool) -> str:
    """Return the text without a final line break."""
    environment = Environment(
        loader=PackageLoader("audience", "."),
        autoescape=False,  # noqa: S701 - plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=shown, counted=counted, activity=_activity, route=_route
    )
    environment.globals.update(
        LONGEST_FILTER=LONGEST_FILTER,
        DATED_BY=DATED_BY,
        PROMOTED=PROMOTED,
        PROMOTED_FATES=PROMOTED_FATES,
        ROUTES=ROUTES,
    )
    template = environment.get_template("explanation.txt")
    return template.render(**trace, show=show).rstrip()


def _activity(activity: Row) -> str:
    strategy = activity["resolution_strategy"]
    found = strategy or ("direct" if activity["is_direct"] else "image")
    if not activity["is_on_sale"]:
        sale = "not on sale in this job: not a candidate"
    else:
        sale = f"on sale, starting {activity['starting_at'] or 'unknown'}: candidate"
    uuid = shown(activity["activity_uuid"])
    name = activity["activity_name"]
    named = f"{shown(name)} ({uuid})" if name else uuid
    return f"{named}: {FOUND_BY[found]}; {sale}" + (
        f" ({strategy})" if strategy else ""
    )


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
