"""The endpoints of a portal: the requests and the shapes of their answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from extract import shapes
from extract.attempts import AttemptError
from extract.client import Answer, Client, Request
from extract.jsontext import parse
from extract.shapes import AccessKeys, JobDetails

ON_SALE = {"status_id": "in-webshop"}
WITH_IMAGES = {"include_images": "true", "include_favorite_image": "true"}
HAS_ORDER = {"buyers": "true", "non_buyers": "false"}


@dataclass(frozen=True)
class Listed:
    """One row of a list: its position in the list, and when its page was fetched."""

    position: int
    raw: Any
    fetched_at: str


def activities(client: Client) -> AsyncIterator[Listed]:
    """List the activities on sale."""
    return _rows(client, _on_sale(client))


async def first_activities(client: Client) -> tuple[int, bool]:
    """Return the number of activities on the first page, and whether it is the last."""
    page = (await client.get(_on_sale(client), shapes.read_page)).value
    return sum(1 for _ in page.rows), page.next_link is None


def _on_sale(client: Client) -> Request:
    return client.request("activities", "search", query=ON_SALE)


async def job_details(client: Client, job: str) -> Answer[JobDetails]:
    """Get a job; NotFoundError when it is gone. Large jobs are slow and large."""
    request = replace(
        client.request("jobs", job, job=job),
        deadline=client.patience.details_deadline,
        cap=client.patience.rows_cap,
    )
    return await client.get(request, shapes.read_job_details)


def subjects(client: Client, job: str, listed_in: str) -> AsyncIterator[Listed]:
    """List the subjects of one of a job's order lists, `buyers` or `non_buyers`."""
    query = {"filter_has_order": HAS_ORDER[listed_in], **WITH_IMAGES}
    request = client.request("jobs", job, "subjects", job=job, query=query)
    return _rows(client, request)


def registrations(client: Client, job: str) -> AsyncIterator[Listed]:
    """List the registrations of users on a job's subjects."""
    return _rows(client, client.request("jobs", job, "users", job=job))


async def user(client: Client, user: str, job: str) -> Answer[dict[str, Any]]:
    """Get a registered user; NotFoundError when the details are gone."""
    return await client.get(client.request("users", user, job=job), shapes.read_user)


async def access_keys(client: Client, job: str, subject: str) -> Answer[AccessKeys]:
    """Get a subject's access keys; NotFoundError when there are none."""
    request = client.request("jobs", job, "subjects", subject, "accesskeys", job=job)
    return await client.get(request, shapes.read_access_keys, parse)


async def _rows(client: Client, request: Request) -> AsyncIterator[Listed]:
    position = 0
    request = replace(request, cap=client.patience.rows_cap)
    async for page in _pages(client, request):
        for raw in page.value.rows:
            yield Listed(position, raw, page.fetched_at)
            position += 1


async def _pages(
    client: Client, request: Request
) -> AsyncIterator[Answer[shapes.Page]]:
    seen: set[str] = set()
    while request.target not in seen:
        seen.add(request.target)
        page = await client.get(request, shapes.read_page)
        yield page
        if page.value.next_link is None:
            return
        if len(seen) >= client.patience.page_cap:
            reason = f"more than {client.patience.page_cap:,} pages"
            client.fail(request, AttemptError(reason))
        request = client.follow(page.value.next_link, request, len(seen) + 1)
    client.fail(request, AttemptError("the pages form a loop"))
