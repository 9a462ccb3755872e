"""Functions that run on a schedule."""

# The worker checks a parameter's type by typing's own classes: list[str] is refused.
from typing import List  # noqa: UP035

import azure.functions as func

from functions import STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.timer_trigger("timer", schedule="0 */5 * * * *")
@blueprint.queue_output("transcriptions", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def reconcile(timer: func.TimerRequest, transcriptions: func.Out[List[str]]) -> None:  # noqa: UP006
    """Find and do the work whose events were lost."""
    from calls.pipeline import reconciler

    transcriptions.set(await reconciler.reconcile_calls())


@blueprint.timer_trigger("timer", schedule="45 1/5 * * * *")
async def compact_index(timer: func.TimerRequest) -> None:
    """Write the days of the index whose calls have changed."""
    from calls.pipeline import indexing

    await indexing.compact_index()


@blueprint.timer_trigger("timer", schedule="0 * * * * *")
async def hang_up_long_calls(timer: func.TimerRequest) -> None:
    """Hang up calls that are longer than MAX_CALL_MINUTES."""
    from calls.pipeline import long_calls

    await long_calls.hang_up_long_calls()
