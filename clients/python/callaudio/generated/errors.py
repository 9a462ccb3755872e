"""What the generated code raises."""


class UnexpectedStatus(Exception):
    """Raised when the app answers with a status that its OpenAPI document does not describe."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"the app answered with the unexpected status {status_code}")
        self.status_code = status_code
