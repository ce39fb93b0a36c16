"""What every log of the project has in common."""

import logging

# Set by a command that runs others, so that all of them log one trace id.
TRACE = "SMS_TRACE_ID"


def quieten_libraries() -> None:
    """Silence the libraries, whose lines could hold addresses and credentials."""
    for library in ("httpx", "httpcore", "boto3", "botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
