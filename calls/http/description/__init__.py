"""What the OpenAPI document says about each route: operations, schemas, and their parts.

To add a route, add its operation to the module of its subject: ``calls``, ``results`` or
``service``. To add a struct to a response, list it in ``schemas``.
"""
