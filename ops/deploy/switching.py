"""Switching to the candidate, and back.

The run is promoted first: its guards can refuse it, and then nothing has changed. The
new revisions have no effect until the schedule names one, which is the last step. So a
switch that was interrupted is repeated.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from common.errors import ContractError
from ops.deploy.aws import Colours, Revision, Tags
from ops.deploy.comparing import COMPARED_WITH, DIFFERS, RUN, promoted_manifest
from publish import refreshing
from publish.audit import audit_run, raise_problems
from publish.manifest import Manifest
from publish.production import check_root
from publish.promotion import load_manifest
from publish.root import Root
from publish.suppressions.current_list import record_current_list

# Tags of a live revision: the revision and the run that its switch replaced, or that
# the way back made it live.
REPLACED = "sms-replaced"
REPLACED_RUN = "sms-replaced-run"
CAME_BACK = "sms-came-back"
# Tag of a revision that stopped being live: the run of the switch.
REPLACED_BY = "sms-replaced-by"


@dataclass(frozen=True)
class Step:
    """What a switch does next; `None` as run: the promoted one stays."""

    to: Revision
    run_id: str | None
    replaced_run: str
    accepts_change: bool


def next_switch(colours: Colours, root: Root, accepted: str | None) -> Step | None:
    """Return the switch to the candidate, None if it is done.

    ContractError without a comparison with the promoted run that is clean or accepted.
    """
    candidate, live = colours.candidate, colours.live
    run_id = candidate.tags.get(RUN)
    if run_id is None and candidate.tags.get(REPLACED_BY, "") == live.tags.get(RUN):
        return None
    before = candidate.tags.get(COMPARED_WITH)
    promoted = promoted_manifest(root)
    is_promoted = run_id in list(_origins(root, promoted))
    if run_id is None or not (before == promoted.about.run_id or is_promoted):
        raise ContractError(
            f"{candidate.name} is not compared with the promoted run "
            f"{promoted.about.run_id}: `sms deploy compare` does that"
        )
    if accepted is not None and accepted != run_id:
        raise ContractError(f"{candidate.name} was compared by run {run_id}")
    if candidate.tags.get(DIFFERS) != "no" and accepted is None:
        raise ContractError(
            f"{candidate.name} texts others than the promoted run. If that is right: "
            f"sms deploy switch --accept {run_id}"
        )
    is_begun = is_promoted and REPLACED_RUN in candidate.tags
    if candidate.role == live.role and not is_begun:
        raise ContractError(f"{candidate.name} has the role of the live revision")
    return Step(candidate, run_id, str(before), accepts_change=accepted is not None)


def next_way_back(colours: Colours, root: Root, *, accepts_change: bool) -> Step | None:
    """Return the way back from a switch, None if it is done.

    The run that was promoted before comes back only if no night has promoted another
    one since: it would be too old.
    """
    live = colours.live
    if CAME_BACK in live.tags:
        return None
    if REPLACED_RUN not in live.tags:
        raise ContractError(
            f"{live.name} did not replace another revision: there is nothing to go "
            "back to"
        )
    before = live.tags[REPLACED_RUN]
    origins = list(_origins(root, promoted_manifest(root)))
    is_latest = live.tags[RUN] in origins or before in origins
    replaced = colours.read(live.tags[REPLACED])
    return Step(replaced, before if is_latest else None, before, accepts_change)


def switch(colours: Colours, root: Root, step: Step) -> Revision:
    """Promote the run of a candidate and make it live; return the live revision."""
    plan_role, live = colours.plan_role, colours.live
    _promote(root, step)
    run_id = str(step.run_id)
    tags = {RUN: run_id, REPLACED: live.arn, REPLACED_RUN: step.replaced_run}
    compared = {name: step.to.tags[name] for name in (COMPARED_WITH, DIFFERS)}
    return _exchange(colours, step.to, plan_role, {**compared, **tags}, run_id)


def go_back(colours: Colours, root: Root, step: Step) -> Revision:
    """Make the other colour live again; return the live revision."""
    plan_role = colours.plan_role
    _promote(root, step)
    tags = {CAME_BACK: colours.live.arn}
    return _exchange(colours, step.to, plan_role, tags, step.replaced_run)


def _exchange(
    colours: Colours, to: Revision, plan_role: str, tags: Tags, run_id: str
) -> Revision:
    """Register both colours with their roles exchanged, then move the schedule."""
    live = colours.live
    replaced = {REPLACED_BY: run_id}
    colours.register(live, image=live.image, role=plan_role, tags=replaced)
    new = colours.register(to, image=to.image, role=live.role, tags=tags)
    colours.point_to(new)
    return new


def _promote(root: Root, step: Step) -> None:
    """Promote a run without people who have said stop since; do nothing if it is."""
    if step.run_id is None or step.run_id in _origins(root, promoted_manifest(root)):
        return
    check_root(root)
    manifest, _ = load_manifest(root, step.run_id)
    record_current_list(root, manifest.allow_unreadable)
    began_with = root.current().version
    raise_problems(step.run_id, audit_run(root, step.run_id, manifest.files))
    accepts = step.accepts_change
    if not refreshing.promote_without_stops(
        root, manifest, began_with, accept_change=accepts
    ):
        refreshing.promote(root, step.run_id, began_with, accept_change=accepts)


def _origins(root: Root, manifest: Manifest) -> Iterator[str]:
    """Yield the id of a run, of the run that it is a copy of, and so on."""
    yield manifest.about.run_id
    if manifest.about.derived_from is not None:
        yield manifest.about.derived_from
        with suppress(ContractError):
            source, _ = load_manifest(root, manifest.about.derived_from)
            yield from _origins(root, source)
