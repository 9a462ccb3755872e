"""Retention: deletions and their queue, legal holds, and what expires."""

import azure.functions as func

from functions import DELETION_QUEUE, STORAGE_CONNECTION

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/calls/{id}", methods=["DELETE"])
@blueprint.queue_output("deletion", DELETION_QUEUE, STORAGE_CONNECTION)
async def delete_call(req: func.HttpRequest, deletion: func.Out[str]) -> func.HttpResponse:
    """Delete everything of a call."""
    from calls.http import deletions, respond

    return await respond.respond(deletions.delete_handler(deletion.set), req)


@blueprint.route("v1/calls/{id}/hold", methods=["PUT"])
async def place_hold(req: func.HttpRequest) -> func.HttpResponse:
    """Place a call on legal hold."""
    from calls.http import holds, respond

    return await respond.respond(holds.place_hold, req)


@blueprint.route("v1/calls/{id}/hold", methods=["DELETE"])
async def release_hold(req: func.HttpRequest) -> func.HttpResponse:
    """Release a call from its legal hold."""
    from calls.http import holds, respond

    return await respond.respond(holds.release_hold, req)


@blueprint.route("v1/deletions/{id}", methods=["GET"])
async def show_deletion(req: func.HttpRequest) -> func.HttpResponse:
    """Show a deletion, and finally its receipt."""
    from calls.http import deletions, respond

    return await respond.respond(deletions.show_deletion, req)


@blueprint.queue_trigger("message", DELETION_QUEUE, STORAGE_CONNECTION)
@blueprint.queue_output("continuation", DELETION_QUEUE, STORAGE_CONNECTION)
async def run_deletion(message: func.QueueMessage, continuation: func.Out[str]) -> None:
    """Delete as much as one run has time for."""
    from calls.pipeline import retention

    await retention.on_message(message.get_body(), continuation.set)


@blueprint.queue_trigger("message", f"{DELETION_QUEUE}-poison", STORAGE_CONNECTION)
async def on_failed_deletion(message: func.QueueMessage) -> None:
    """Log that a deletion's message has failed every time; the timer goes on with it."""
    from calls.pipeline import retention

    retention.on_poison_message(message.get_body())


@blueprint.timer_trigger("timer", schedule="30 2/5 * * * *")
async def enforce_retention(timer: func.TimerRequest) -> None:
    """Delete what has expired, and go on with deletions whose message was lost."""
    from calls.pipeline import retention

    await retention.enforce_retention()
