"""OpenBOSS: an open business and operation support system for telecom carriers."""

from openboss.config.compiled_cache import use_compiled_cache

use_compiled_cache()  # before anything imports numba
