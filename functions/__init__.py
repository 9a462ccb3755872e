"""The triggers, one blueprint per subject. Each function is one or two lines that call ``calls``.

Handlers are imported inside the functions, so that loading the app imports nothing heavy.
"""
