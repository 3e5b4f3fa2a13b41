"""Rules that a task card chooses by name."""
