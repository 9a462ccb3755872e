"""The soak: real processes, real-world senders, and every frame found or reported lost."""
