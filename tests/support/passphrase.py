"""The passphrase of every key that the tests make; ``tests/conftest.py`` puts it in place."""

PASSPHRASE = "correct horse"
