"""The clients of the HTTP interface, and what generates them from the OpenAPI document."""
