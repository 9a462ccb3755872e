"""Local development: ACS emulator, Functions host, Azurite launcher, demo."""
