"""What dbt-bouncer finds in head's models and not in base's."""

import json
import os
import subprocess
import sys

from common.errors import ConfigError
from ops.review.sides import Side, in_environment


def new_findings(base: Side, head: Side) -> list[str] | None:
    """Return the new findings; None where a side could not be parsed.

    Checks both sides against head's conventions. ConfigError where dbt-bouncer itself
    fails.
    """
    if not all((side.target / "manifest.json").is_file() for side in (base, head)):
        return None
    lint = head.project / "lint"
    output = head.folder / "findings.json"
    done = subprocess.run(  # noqa: S603 - no shell
        [
            *in_environment(lint),
            *("dbt-bouncer", "run", "--config-file", lint / "dbt-bouncer.yml"),
            *("--state", base.target, "--output-file", output),
            *("--output-format", "json", "--output-only-failures"),
        ],
        # It reads `target` below this folder.
        env={**os.environ, "DBT_PROJECT_DIR": str(head.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not output.is_file():
        sys.stderr.write(done.stdout)
        raise ConfigError("dbt-bouncer failed; the reason is above")
    return [
        f"{one['check_run_id']}: {one['failure_message']}"
        for one in json.loads(output.read_text(encoding="utf-8"))
    ]
