"""The checks of ``infra/deploy doctor``, by what they look at."""
