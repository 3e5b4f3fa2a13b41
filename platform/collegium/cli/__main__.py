"""``python -m collegium.cli`` is ``collegium``."""

import sys

from collegium.cli import main

sys.exit(main())
