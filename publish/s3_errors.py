"""The errors of S3, in one line: what is wrong, and at which address.

S3's own messages are left out: they can name keys, users and accounts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from botocore import exceptions as aws

from common.errors import CommandError, ConfigError, StorageError
from common.files import storage

# All errors of boto3's client.
S3Error = (aws.ClientError, aws.BotoCoreError)
UNREACHABLE = (
    aws.ConnectionError,
    aws.EndpointConnectionError,
    aws.HTTPClientError,
    aws.IncompleteReadError,
)
MISSING = ("NoSuchKey", "404")
DENIED = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403")
TEMPORARY_STATUS = 500
CONFLICT_STATUS = 409
FAILED_STATUS = 412

_REASONS = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such file",
    "404": "there is no such file",
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "TokenRefreshRequired": "the credentials have expired",
    "InvalidAccessKeyId": "the credentials are not accepted",
    "InvalidClientTokenId": "the credentials are not accepted",
    "InvalidToken": "the credentials are not accepted",
    "SignatureDoesNotMatch": "the credentials are not accepted",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "301": "the bucket is in another region",
    "AuthorizationHeaderMalformed": "the bucket is in another region",
    "IllegalLocationConstraintException": "the bucket is in another region",
    "PermanentRedirect": "the bucket is in another region",
    "BadDigest": "the file was damaged in transit",
    "InvalidDigest": "the file was damaged in transit",
    "XAmzContentSHA256Mismatch": "the file was damaged in transit",
    "XAmzContentChecksumMismatch": "the file was damaged in transit",
}
# The permission that an operation needs, if it has another name.
_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}
_SETTINGS = (
    (aws.NoCredentialsError, "no credentials were found"),
    (aws.PartialCredentialsError, "the credentials are incomplete"),
    (aws.ProfileNotFound, "the profile of AWS_PROFILE is not configured"),
    (aws.NoRegionError, "no region is set"),
)


@contextmanager
def s3_errors(where: str) -> Iterator[None]:
    """Turn errors of S3 or this machine into errors of one line."""
    with storage(where):
        try:
            yield
        except S3Error as error:
            raise told(where, error) from None


def told(where: str, error: Exception) -> CommandError:
    """Return an error of S3 as one of ours."""
    if isinstance(error, aws.ClientError):
        return StorageError(f"{where}: {_refusal(error)}")
    for kind, reason in _SETTINGS:
        if isinstance(error, kind):
            return ConfigError(f"{where}: {reason}")
    if isinstance(error, UNREACHABLE):
        return StorageError(f"{where}: {_unreachable(error)}")
    if isinstance(error, aws.CredentialRetrievalError | aws.SSOError | aws.LoginError):
        return StorageError(f"{where}: the credentials cannot be renewed")
    if isinstance(error, aws.FlexibleChecksumError):
        return StorageError(f"{where}: the file was damaged on its way")
    return ConfigError(f"{where}: boto3 refuses: {type(error).__name__}")


def code_of(error: aws.ClientError) -> str:
    """Return S3's error code, or the status if there is none."""
    return error.response.get("Error", {}).get("Code", "") or str(status_of(error))


def status_of(error: aws.ClientError) -> int:
    """Return the status of the answer."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _refusal(error: aws.ClientError) -> str:
    code, name = code_of(error), error.operation_name
    if code in _REASONS:
        return _REASONS[code]
    if code in DENIED:
        return f"s3:{_ACTIONS.get(name, name)} is denied"
    tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
    times = f", {tries} times" if tries > 1 else ""
    return f"{name} is answered with {code} (status {status_of(error)}){times}"


def _unreachable(error: Exception) -> str:
    url = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", "")))
    _, _, host = url.netloc.rpartition("@")
    where = f" at {host}" if host else ""
    return f"S3{where} cannot be reached ({type(error).__name__})"
