"""Our own thin Azure Functions host over Microsoft's real Python worker library.

``azure-functions-runtime`` indexes the app and runs its functions through the real binding code;
the host's half is here: HTTP routes with auth levels and keys, blobs that become invocations by
way of Event Grid's webhook, a queue, retries and a poison queue, and Event Grid triggers by theirs,
as the real host does it. Where the Core Tools are installed, ``func start`` runs the same app.
"""
