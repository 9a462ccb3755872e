"""``python -m local.audit``: the pinned packages against the known vulnerabilities, by pip-audit.

Where the advisory service cannot be reached, the audit is skipped and says so: to work without a
network is no fault of the code. What the service answers is never passed over.
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
    """Audit; 0 when nothing is known against the packages, or nobody could be asked."""
    service = os.environ.get("OSV_URL", SERVICE)
    cause = _unreachable(service)
    if cause is not None:
        print(f"pip-audit: SKIPPED, the advisory service {service} cannot be reached: {cause}")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off"]
    # The lock file holds everything, with hashes: nothing is resolved or installed.
    command += ["--disable-pip", "--require-hashes", "-r", str(lock)]
    command += ["--vulnerability-service", "osv", "--osv-url", service]
    return subprocess.run(command).returncode


def _unreachable(service: str) -> str | None:
    """Why nobody answers there, or None; any answer at all will do."""
    request = urllib.request.Request(service, b"{}", method="POST")  # noqa: S310 (ours or given)
    try:
        with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310 (ours or given)
            return None
    except urllib.error.HTTPError:
        return None
    except (urllib.error.URLError, TimeoutError) as error:
        return str(getattr(error, "reason", error))


if __name__ == "__main__":
    sys.exit(main())
