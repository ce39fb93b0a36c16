"""The seed of the portals is read strictly."""

from pathlib import Path

import pytest

from common.errors import ConfigError
from extract.portals import read_portals

HEADER = "portal,base_url,brand,region,country,consent_basis\n"
GOOD = "one,https://one.example/,Brand,US,USA,webshop\n"


def write(folder: Path, text: str) -> Path:
    """Write a seed."""
    seed = folder / "portals.csv"
    seed.write_bytes(text.encode())
    return seed


def test_portals_are_read_with_their_parsed_base_url(tmp_path: Path) -> None:
    more = "two,http://127.0.0.1:9/2/api/v1,Sandbox,CA,Canada,explicit\n"
    one, two = read_portals(write(tmp_path, "\ufeff" + HEADER + GOOD + "\n" + more))
    assert (one.key, one.base_url) == ("one", "https://one.example/")
    assert (one.origin, one.base_path) == ("https://one.example", "/api/v1")
    assert not one.is_sandbox
    assert two.is_sandbox
    moved = two.moved_to("http://127.0.0.1:54321/")
    assert (moved.origin, moved.base_path) == ("http://127.0.0.1:54321", "/2/api/v1")
    assert moved.base_url == two.base_url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the header must be portal,base_url"),
        ("portal,base_url,brand,region,country\n", "the header must be"),
        (HEADER + GOOD + GOOD, "line 3: the portal one is a duplicate"),
        (HEADER + GOOD + GOOD.replace("one", "ONE", 1), "line 3: the portal ONE"),
        (HEADER + "one,https://one.example\n", "line 2: 6 fields expected, not 2"),
        (HEADER + GOOD.replace("one", "../one", 1), "letters, digits"),
        (HEADER + GOOD.replace("one", "", 1), "letters, digits"),
        (HEADER + GOOD.replace("webshop", "maybe"), "must be one of webshop, explicit"),
        (HEADER + GOOD.replace("US,USA", "us,USA"), "a region of two capitals"),
        (HEADER + GOOD.replace("US,USA", "US,"), "country"),
        (HEADER + GOOD.replace("Brand", ""), "brand"),
        (HEADER + GOOD.replace("https", "http"), "of one is plain http"),
        (HEADER + '"one', "not CSV"),
        (HEADER + GOOD.replace("Brand", "\udcff"), None),
    ],
)
def test_a_wrong_seed_is_refused(tmp_path: Path, text: str, reason: str | None) -> None:
    seed = tmp_path / "portals.csv"
    seed.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=reason or "UnicodeDecodeError"):
        read_portals(seed)


def test_without_a_seed_the_error_says_where_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in the folder of the project"):
        read_portals(tmp_path / "seeds" / "portals.csv")


def test_the_seed_of_the_project_is_valid() -> None:
    root = Path(__file__).parents[2]
    portals = read_portals(root / "seeds" / "portals.csv")
    assert len([portal for portal in portals if portal.is_sandbox]) == 2
