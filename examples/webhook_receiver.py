"""Receive Call Audio's webhooks: verify them, answer quickly, and handle each event once.

    pip install ./clients/python
    WEBHOOK_SECRET=whsec_... python examples/webhook_receiver.py --port 8000

Behind your own TLS, its address is a webhook endpoint of the app. The app sends an event again
until it is answered with 2xx, so an event may come twice: the table of events has each id once.
What follows from an event may take long, so it is done in another thread, after the answer; events
that a restart interrupted are handled at the next start.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from callaudio import WebhookError, verify_webhook

MAX_BODY_BYTES = 1_000_000
TIMEOUT_SECONDS = 10


def handle(event: dict[str, Any]) -> None:
    """Do what follows from an event: here, print it. The recording is there at `call.final`."""
    print(event["type"], event["id"], flush=True)


class Inbox:
    """The events, each once, in a database that survives a restart."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._news = threading.Event()
        with self._connect() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, event TEXT, handled INT)"
            )

    def add(self, event: dict[str, Any]) -> None:
        """Keep an event until it has been handled; one that is there already changes nothing."""
        with closing(self._connect()) as connection, connection as database:
            row = (event["id"], json.dumps(event))
            database.execute("INSERT OR IGNORE INTO events VALUES (?, ?, 0)", row)
        self._news.set()

    def handle_all(self) -> None:
        """Handle events as they come, for ever."""
        while True:
            with closing(self._connect()) as connection:
                query = "SELECT id, event FROM events WHERE NOT handled ORDER BY rowid LIMIT 1"
                row = connection.execute(query).fetchone()
                if row is not None:
                    handle(json.loads(row[1]))
                    with connection:
                        connection.execute("UPDATE events SET handled = 1 WHERE id = ?", row[:1])
                    continue
            self._news.wait()
            self._news.clear()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=TIMEOUT_SECONDS)


def make_handler(inbox: Inbox, secret: str) -> type[BaseHTTPRequestHandler]:
    """Return what answers the requests."""

    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_SECONDS

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= MAX_BODY_BYTES:
                self._answer(413)
                return
            try:
                # The signature is over the bytes, so they are verified before they are parsed.
                event = verify_webhook(secret, self.rfile.read(length), dict(self.headers))
            except WebhookError:
                self._answer(401)
                return
            inbox.add(event)
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing: the events are what is interesting."""

    return Handler


def main() -> None:
    """Run the receiver."""
    parser = argparse.ArgumentParser(description="Receive Call Audio's webhooks.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--database", default="events.sqlite3")
    options = parser.parse_args()
    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        sys.exit("set WEBHOOK_SECRET to the endpoint's secret, whsec_...")
    inbox = Inbox(options.database)
    threading.Thread(target=inbox.handle_all, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), make_handler(inbox, secret))
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
