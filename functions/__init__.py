"""The triggers, one blueprint per subject. Each function is one or two lines that call ``calls``.

Handlers are imported inside the functions, so that loading the app imports nothing heavy.
"""

STORAGE_CONNECTION = "AudioStorage"
"""The setting, or the prefix of the settings, with the connection to blobs and queues."""

TRANSCRIPTION_QUEUE = "transcriptions"
"""The queue of calls to transcribe."""

DELETION_QUEUE = "deletions"
"""The queue of deletions to run."""

EXPORT_QUEUE = "exports"
"""The queue of exports to build."""

ENDED_CALLS_QUEUE = "ended-calls"
"""The queue of calls to assemble that have ended."""

DEADLINE_QUEUE = "deadlines"
"""The queue of calls with a deadline: a message becomes visible when it is due."""

EVENT_QUEUE = "events"
"""The queue of events to distribute: who is told of them."""

DELIVERY_QUEUE = "deliveries"
"""The queue of events to send, each to one endpoint."""
