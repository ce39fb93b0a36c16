"""Options that several commands share."""

import re
from datetime import timedelta
from fractions import Fraction
from typing import ClassVar

import click

MOST_DAYS = 36500

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Span(click.ParamType[timedelta]):
    """A length of time such as 30d, 6h, 45m or 90s; 0 needs no unit."""

    name = "time"
    units: ClassVar = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
    is_positive: ClassVar = False

    def convert(
        self,
        value: str | timedelta,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> timedelta:
        """Return the time; fail with a usage error."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,5})([dhms])|0", value)
        if found is None:
            self.fail(f"{value!r} is not a time such as 30d, 6h, 45m or 0", param, ctx)
        span = timedelta(seconds=int(found[1] or 0) * self.units.get(found[2], 0))
        if self.is_positive and not span:
            self.fail("must be greater than 0", param, ctx)
        return span


class PositiveSpan(Span):
    """A length of time greater than 0."""

    is_positive: ClassVar = True


class Percent(click.ParamType[Fraction]):
    """A percentage from 0, such as 2.5, as an exact number."""

    name = "percent"

    def convert(
        self,
        value: str | Fraction,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Fraction:
        """Return the number; fail with a usage error."""
        try:
            percent = Fraction(value)
        except (ValueError, ZeroDivisionError):
            percent = Fraction(-1)
        if percent < 0:
            self.fail("must be a number from 0, such as 2.5", param, ctx)
        return percent
