"""An emulator of Azure Communication Services Call Automation, for local development and tests.

The real client (``azure-communication-callautomation``) connects to it. The emulator checks the
client's HMAC signature, answers with ACS's status codes, sends signed callback events, and streams
audio files over a signed WebSocket in ACS's own packets, in real time or faster. It can also
misbehave: see ``faults``. What it does not emulate is in ``docs/local.md``.
"""
