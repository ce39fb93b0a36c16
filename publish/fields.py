"""Reading JSON of a known shape, field by field; every error says where."""

import json
import re

from common.errors import ConfigError, ContractError
from publish.layout import FileName, check_run_id, parse_path

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Fields:
    """A JSON object. `where` begins each error; all of them are ContractErrors."""

    def __init__(self, where: str, value: Json) -> None:
        if not isinstance(value, dict):
            raise ContractError(f"{where}: is no JSON object")
        self._where = where
        self._value = value

    @classmethod
    def parse(cls, where: str, content: bytes | str) -> "Fields":
        """Read a whole JSON text."""
        try:
            return cls(where, json.loads(content))
        except (ValueError, RecursionError) as error:
            raise ContractError(f"{where}: is not JSON") from error

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def wrong(self, key: str, expected: str) -> ContractError:
        """Return the error of a field that is not as expected."""
        return ContractError(f"{self._where}: {key} must be {expected}")

    def run_id(self, key: str) -> str:
        """Return a run id."""
        try:
            return check_run_id(self.text(key))
        except ConfigError as error:
            raise ContractError(f"{self._where}: {key}: {error}") from error

    def file_name(self, key: str) -> FileName:
        """Return a path in a run; fields beside it may only repeat what it says."""
        try:
            name = parse_path(self.text(key))
        except ConfigError as error:
            raise ContractError(f"{self._where}: {key}: {error}") from error
        said = {"portal": name.portal, "audience": name.audience, "format": name.format}
        for other, expected in said.items():
            if self._value.get(other, expected) != expected:
                raise self.wrong(other, f"{expected}, as the path says")
        return name

    def text(self, key: str, *, empty: bool = False) -> str:
        """Return text; only with `empty` may it be empty."""
        value = self._value.get(key)
        if not isinstance(value, str) or not (value or empty):
            raise self.wrong(key, "text")
        return value

    def sha256(self, key: str) -> str:
        """Return a sha256 in hex."""
        value = self._value.get(key)
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            raise self.wrong(key, "a sha256")
        return value

    def count(self, key: str) -> int:
        """Return a whole number from 0."""
        value = self._value.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(key, "a whole number from 0")
        return value

    def count_or_none(self, key: str) -> int | None:
        """Return a whole number from 0, or None where there is none."""
        return None if self._value.get(key) is None else self.count(key)

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        value = self._value.get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return one of the texts allowed."""
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, " or ".join(allowed))
        return value

    def mapping(self, key: str) -> dict[str, Json]:
        """Return an object as it is."""
        value = self._value.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return value

    def inner(self, key: str) -> "Fields":
        """Return an object, to be read field by field."""
        return Fields(f"{self._where}: {key}", self.mapping(key))

    def is_null(self, key: str) -> bool:
        """Return whether a field is null or left out."""
        return self._value.get(key) is None

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        value = self._value.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list of texts")
        texts = [item for item in value if isinstance(item, str)]
        if len(texts) < len(value):
            raise self.wrong(key, "a list of texts")
        return texts

    def counts(self, key: str) -> dict[str, int]:
        """Return an object of whole numbers from 0."""
        inner = self.inner(key)
        return {name: inner.count(name) for name in self.mapping(key)}

    def items(self, key: str) -> list["Fields"]:
        """Return the objects of a list."""
        value = self._value.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return [
            Fields(f"{self._where}: {key}[{position}]", item)
            for position, item in enumerate(value)
        ]
