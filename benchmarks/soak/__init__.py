"""The soak: real processes, senders as the world has them, and every frame found or told lost."""
