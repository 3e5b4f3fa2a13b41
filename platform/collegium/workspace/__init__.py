"""The folders of a run and of a node on this machine: settings, keys, journal, wallet files."""
