"""Events for others: their queues, and the deliveries that have failed."""

import azure.functions as func

from functions import DELIVERY_QUEUE, EVENT_QUEUE, STORAGE_CONNECTION

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.queue_trigger("message", EVENT_QUEUE, STORAGE_CONNECTION)
async def distribute_event(message: func.QueueMessage) -> None:
    """Tell the endpoints of an event, each in a delivery of its own."""
    from calls.pipeline import events

    await events.on_event(message.get_body())


@blueprint.queue_trigger("message", f"{EVENT_QUEUE}-poison", STORAGE_CONNECTION)
async def on_failed_event(message: func.QueueMessage) -> None:
    """Distribute an event whose function has failed every time: it must not be lost."""
    from calls.pipeline import events

    await events.on_event(message.get_body())


@blueprint.queue_trigger("message", DELIVERY_QUEUE, STORAGE_CONNECTION)
async def deliver_event(message: func.QueueMessage) -> None:
    """Send an event to one endpoint."""
    from calls.pipeline import events

    await events.on_delivery(message.get_body())


@blueprint.queue_trigger("message", f"{DELIVERY_QUEUE}-poison", STORAGE_CONNECTION)
async def on_failed_delivery(message: func.QueueMessage) -> None:
    """Send an event whose function has failed every time: it must not be lost."""
    from calls.pipeline import events

    await events.on_delivery(message.get_body())


@blueprint.route("v1/deliveries", methods=["GET"])
async def list_deliveries(req: func.HttpRequest) -> func.HttpResponse:
    """List the events that could not be delivered."""
    from calls.http import deliveries, respond

    return await respond.respond(deliveries.list_deliveries, req)


@blueprint.route("v1/deliveries/{id}/retry", methods=["POST"])
async def retry_delivery(req: func.HttpRequest) -> func.HttpResponse:
    """Send an event again that could not be delivered."""
    from calls.http import deliveries, respond

    return await respond.respond(deliveries.retry_delivery, req)
