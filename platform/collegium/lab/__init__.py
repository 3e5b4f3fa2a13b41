"""The platform at work on one machine: demonstrations, and nodes that do not play fair."""

import os

# Set before Flower and transformers are imported; nothing here needs the network.
for name, value in {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}.items():
    os.environ.setdefault(name, value)
