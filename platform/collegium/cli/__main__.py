"""``python -m collegium.cli`` is the same as the command ``collegium``."""

import sys

from collegium.cli import main

sys.exit(main())
