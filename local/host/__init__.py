"""A thin Azure Functions host around Microsoft's real Python worker library.

``azure-functions-runtime`` indexes the app and runs its functions through the real binding code.
This package is the host's half: HTTP routes with auth levels and keys; blob triggers by Event
Grid's webhook, with a queue, retries and a poison queue; queue, timer and Event Grid triggers.
Where the Core Tools are installed, ``func start`` runs the same app.
"""
