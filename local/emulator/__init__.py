"""An emulator of Azure Communication Services Call Automation, for a laptop and for tests.

The real client (``azure-communication-callautomation``) talks to it: it checks the client's HMAC
signature, answers with ACS's strict status codes, sends signed callback events, and streams audio
files over a signed WebSocket with ACS's own packets, paced in real time or faster. It can be told
to misbehave (``faults``).
"""
