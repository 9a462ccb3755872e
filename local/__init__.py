"""The cloud on a laptop: ACS emulator, Functions host, Azurite launcher, demo."""
