"""The audit of the packages, against an advisory service on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.ports import HOST, free_ports

ROOT = Path(__file__).parents[2]
LOCK = "idna==3.6 --hash=sha256:{}\nmsgspec==0.19.0 --hash=sha256:{}\n".format("0" * 64, "1" * 64)


class Advisories(BaseHTTPRequestHandler):
    """An advisory service with one vulnerability, in idna."""

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        advisory = {
            "id": "PYSEC-1",
            "summary": "slow",
            "modified": "2024-04-11T00:00:00Z",
            "affected": [{"package": {"name": "idna", "ecosystem": "PyPI"}, "ranges": []}],
        }
        is_idna = query.get("package", {}).get("name") == "idna"
        body = json.dumps({"vulns": [advisory]} if is_idna else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer((HOST, 0), Advisories)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://{HOST}:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def audit(service: str, lock: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys, pathlib, local.audit as a; sys.exit(a.main(pathlib.Path(sys.argv[1])))"
    return subprocess.run(
        [sys.executable, "-c", program, str(lock)],
        cwd=ROOT,
        env=os.environ | {"OSV_URL": service},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_a_known_vulnerability_fails_the_audit(service: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    result = audit(service, lock)
    assert result.returncode == 1, result.stderr
    assert "PYSEC-1" in result.stdout
    lock.write_text(LOCK.splitlines()[1])
    result = audit(service, lock)
    assert (result.returncode, "No known vulnerabilities" in result.stderr) == (0, True), (
        result.stderr
    )


def test_no_service_is_a_skip_that_says_so(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    result = audit(f"http://{HOST}:{port}/v1/query", tmp_path / "lock.txt")
    assert result.returncode == 0
    assert "SKIPPED" in result.stdout
    assert "refused" in result.stdout
