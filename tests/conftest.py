"""What every test shares: properties look for new examples here, and repeat the same ones where CI is set."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
