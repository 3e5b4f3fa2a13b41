"""What the platform reaches, measured: each benchmark prints its table and the command for it."""
