"""A whole federation on one machine: demonstrations, and nodes that are dishonest."""

import os

# Both libraries read these when they are imported, so they are set first. Nothing here needs the
# network.
for name, value in {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}.items():
    os.environ.setdefault(name, value)
