"""The function app's side: call control, callback events, the call record, analysis, assembly."""
