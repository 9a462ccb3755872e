"""The requests for files: ``client.download(requests.recording(call_id, format_="mp3"), path)``."""

from __future__ import annotations

from typing import Any

from callaudio.generated.api.calls.export_calls import build_request as calls_csv
from callaudio.generated.api.results.export_call import build_request as export
from callaudio.generated.api.results.send_recording import build_request as recording
from callaudio.generated.api.results.send_segment import build_request as segment
from callaudio.generated.api.results.show_timeline import build_request as timeline
from callaudio.generated.api.results.show_transcript_as import build_request as transcript

__all__ = ["after", "calls_csv", "export", "recording", "segment", "timeline", "transcript"]


def after(cursor: str | None) -> dict[str, Any]:
    """Return the arguments for the page at a cursor; none for the first page."""
    return {} if cursor is None else {"cursor": cursor}
