"""Functions that run on a schedule."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.timer_trigger("timer", schedule="0 */5 * * * *")
async def reconcile(timer: func.TimerRequest) -> None:
    """Find and do the work whose events were lost."""
    from calls.pipeline import reconciler

    await reconciler.reconcile_calls()
