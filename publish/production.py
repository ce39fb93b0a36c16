"""What DBT_TARGET=prod refuses, and the other environments allow."""

from common.environment import PROD, environment_name
from common.errors import ConfigError
from common.version import code_version
from publish.layout import SUPPRESSIONS
from publish.local import LocalRoot
from publish.root import Root
from publish.suppressions.current_list import LIST, list_address


def check_root(root: Root, environment: str = "") -> None:
    """Raise ConfigError if this environment must not build for a root.

    `environment` is dbt's target, which can be another one than DBT_TARGET.
    """
    environment = environment or environment_name()
    check_folder(root, environment)
    if environment == PROD and not (list_address() or root.list_files(SUPPRESSIONS)):
        raise ConfigError(
            f"{PROD}: {LIST} is not set, and the export root has no ledger of "
            "suppressions: people who said stop would get a text"
        )


def check_folder(root: Root, environment: str = "") -> None:
    """Raise ConfigError if the root is a folder, and the environment needs a bucket."""
    if (environment or environment_name()) == PROD and isinstance(root, LocalRoot):
        raise ConfigError(
            f"{PROD}: EXPORT_ROOT is the folder {root.folder}: only s3://BUCKET/PREFIX "
            "is allowed"
        )


def check_code(environment: str = "") -> None:
    """Raise ConfigError if this environment must not promote what this code builds."""
    if (environment or environment_name()) != PROD:
        return
    version = code_version()
    if version.endswith("-dirty"):
        raise ConfigError(
            f"{PROD}: the code, {version}, differs from its commit: commit the changes "
            "before you promote"
        )
