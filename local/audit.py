"""``python -m local.audit``: check the pinned packages for known vulnerabilities with pip-audit.

Without a connection to the advisory service, the audit is skipped and says so. If the service
answers with an error, the audit fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

SERVICE = "https://api.osv.dev/v1/query"

_LOCK = Path(__file__).parents[1] / "requirements-dev.txt"
_REACH_SECONDS = 5.0


def main(lock: Path = _LOCK) -> int:
    """Audit; return 0 without known vulnerabilities, or without a connection to the service."""
    service = os.environ.get("OSV_URL", SERVICE)
    reason = _connection_error(service)
    if reason is not None:
        print(f"pip-audit: SKIPPED, the advisory service {service} cannot be reached: {reason}")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off"]
    # The lock file is complete and has hashes: nothing is resolved or installed.
    command += ["--disable-pip", "--require-hashes", "-r", str(lock)]
    command += ["--vulnerability-service", "osv", "--osv-url", service]
    return subprocess.run(command, check=False).returncode


def _connection_error(service: str) -> str | None:
    """Return why the service cannot be reached; None if it answers, with any status."""
    request = urllib.request.Request(service, b"{}", method="POST")  # noqa: S310 (a constant or a setting)
    try:
        with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310 (a constant or a setting)
            return None
    except urllib.error.HTTPError:
        return None
    except (urllib.error.URLError, TimeoutError) as error:
        return str(getattr(error, "reason", error))


if __name__ == "__main__":
    sys.exit(main())
