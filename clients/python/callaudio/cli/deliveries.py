"""Webhook events that could not be delivered, and sending them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from callaudio.cli.render import SHORT_ID, clean
from callaudio.cli.session import JsonOption, ProfileOption, Session, open_session
from callaudio.cli.times import format_time
from callaudio.generated.models.delivery import Delivery
from callaudio.requests import after


def deliveries(
    retry: Annotated[
        list[str] | None, typer.Option(help="Send the event of this id again. Repeatable.")
    ] = None,
    *,
    retry_all: Annotated[bool, typer.Option("--retry-all", help="Send all of them again.")] = False,
    profile: ProfileOption = None,
    is_json: JsonOption = False,
) -> None:
    """List the webhook events that could not be delivered, or send them again."""
    with open_session(profile, is_json=is_json) as session:
        failed = list(_list_all(session)) if retry_all or not retry else []
        ids = [*(retry or []), *(delivery.id for delivery in failed if retry_all)]
        for delivery_id in dict.fromkeys(ids):
            delivery = session.client.retry_delivery(delivery_id)
            text = f"sending {delivery.event.type_} to {delivery.endpoint} again"
            session.output.show(delivery.to_dict(), Text(clean(text)))
        if ids:
            return
        if is_json:
            for delivery in failed:
                session.output.json(delivery.to_dict())
        elif failed:
            session.output.out.print(_table(failed))
        else:
            session.output.note("all events were delivered")


def _list_all(session: Session) -> Iterator[Delivery]:
    cursor: str | None = None
    while True:
        page = session.client.list_deliveries(**after(cursor))
        yield from page.deliveries
        cursor = page.cursor
        if cursor is None:
            return


def _table(failed: list[Delivery]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("ID", "CALL", "EVENT", "ENDPOINT", "FAILED", "ERROR"):
        table.add_column(title, overflow="fold")
    for delivery in failed:
        table.add_row(
            Text(clean(delivery.id)),
            delivery.call_connection_id[:SHORT_ID],
            Text(clean(delivery.event.type_)),
            Text(clean(delivery.endpoint)),
            format_time(delivery.failed_at),
            Text(clean(f"{delivery.error} ({delivery.attempts} attempts)")),
        )
    return table
