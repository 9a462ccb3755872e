"""The triggers, one blueprint a subject. Each function is a line or two; ``calls`` does the work.

Handlers are imported inside the functions, so that loading the app imports nothing heavy.
"""
