"""The passphrase of all keys that the tests make; ``tests/conftest.py`` sets it."""

PASSPHRASE = "correct horse"
