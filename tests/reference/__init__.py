"""The audience rules once more, one row at a time, to compare the models with.

Written from the specification's text alone (audience rules R1 to R14, portal API,
export contract) and sharing no code with the extractor, the models or publishing.
"""

from tests.reference.files import compare, expected_csv, guard, read_csv
from tests.reference.interface import EXPORT_COLUMNS, PortalConfig, Result, Variables
from tests.reference.rules import audiences

__all__ = [
    "EXPORT_COLUMNS",
    "PortalConfig",
    "Result",
    "Variables",
    "audiences",
    "compare",
    "expected_csv",
    "guard",
    "read_csv",
]
