"""The revisions of the streamer's container app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from infra.deployment import Deployment
from infra.probe import expect, request
from infra.shell import Shell, StepFailed

_REQUESTS_PER_REPLICA = 10
"""The ingress picks a replica for each request. So many miss a given one once in 20,000 times."""


class Revisions:
    """Finds, checks and switches revisions. Every method raises StepFailed if az fails."""

    def __init__(self, shell: Shell, deployment: Deployment, group: str) -> None:
        self._shell = shell
        self._deployment = deployment
        self._group = group

    def find_latest(self) -> str:
        """Return the newest revision's name."""
        app = self._container_app()
        if app is None:
            raise StepFailed("The streamer's container app does not exist.")
        return str(app["properties"]["latestRevisionName"])

    def find_live(self) -> str:
        """Return the revision with most of the traffic; empty without a container app."""
        app = self._container_app()
        if app is None:
            return ""
        traffic = app["properties"]["configuration"]["ingress"].get("traffic") or []
        share: Any = max(traffic, key=lambda share: share.get("weight") or 0, default={})
        latest = app["properties"].get("latestReadyRevisionName")
        return str(share.get("revisionName") or latest or "")

    def list_retirable(self) -> Iterator[tuple[str, int | None]]:
        """Yield each active revision without traffic, and its open streams.

        The streams are those of the first replica that has some, and None if the revision does
        not answer.
        """
        live = self.find_live()
        for revision in self._shell.query_az("containerapp", "revision", "list", *self._of_app()):
            name, properties = revision["name"], revision["properties"]
            if name != live and properties["active"] and not properties.get("trafficWeight"):
                replicas = properties.get("replicas") or 1
                yield name, self._count_streams(properties["fqdn"], replicas)

    def check_ready(self, revision: str) -> None:
        """Raise StepFailed unless the revision's /readyz answers 200."""
        show = ("containerapp", "revision", "show", *self._of_app(), "--revision", revision)
        properties = self._shell.query_az(*show)["properties"]
        if properties.get("provisioningState") == "Failed":
            raise StepFailed(
                f"Provisioning {revision} failed: {properties.get('provisioningError')}"
            )
        expect(200, "GET", f"{self._scheme()}://{properties['fqdn']}/readyz")

    def route_traffic(self, revision: str) -> None:
        """Send all new streams to a revision."""
        route = ("containerapp", "ingress", "traffic", "set", *self._of_app())
        self._shell.run_az(*route, "--revision-weight", f"{revision}=100")

    def deactivate(self, revision: str) -> None:
        """Deactivate a revision, which drains it."""
        deactivate = ("containerapp", "revision", "deactivate", *self._of_app())
        self._shell.run_az(*deactivate, "--revision", revision)

    def _count_streams(self, fqdn: str, replicas: int) -> int | None:
        for _ in range(_REQUESTS_PER_REPLICA * replicas):
            try:
                status, body = request("GET", f"{self._scheme()}://{fqdn}/healthz")
            except StepFailed:
                return None
            match = re.search(rb'"streams":\s*(\d+)', body)
            if status != HTTPStatus.OK or not match:
                return None
            if streams := int(match.group(1)):
                return streams
        return 0

    def _container_app(self) -> Any:
        """The streamer's container app, or None if it does not exist."""
        apps = self._shell.query_az("containerapp", "list", "--resource-group", self._group)
        name = self._deployment.output("STREAMER_NAME")
        return next((app for app in apps if app["name"] == name), None)

    def _of_app(self) -> tuple[str, ...]:
        name = self._deployment.output("STREAMER_NAME")
        return ("--name", name, "--resource-group", self._group)

    def _scheme(self) -> str:
        return self._deployment.output("STREAMER_URL").partition("://")[0]
