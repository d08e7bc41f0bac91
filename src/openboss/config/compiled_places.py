"""numba's door to `compiled_cache` (apart from it, because naming a class of numba imports numba)."""

import os
from pathlib import Path
from types import FunctionType

from numba.core.caching import _CacheLocator

from openboss.config.compiled_cache import folder_of


class CompiledPlace(_CacheLocator):
    """The place of one compiled function."""

    def __init__(self, function: FunctionType, source: str) -> None:
        self._line = function.__code__.co_firstlineno
        self._folder = folder_of(Path(source))

    @classmethod
    def from_function(cls, py_func: FunctionType, py_file: str) -> "CompiledPlace":
        """Make the place of a function; called by numba."""
        place = cls(py_func, py_file)
        place.ensure_cache_path()
        os.utime(place._folder)  # used now: not among the old ones
        return place

    def get_cache_path(self) -> str:
        """Answer numba: the folder."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Answer numba: what has to be equal for the code to be usable."""
        return self._folder.name

    def get_disambiguator(self) -> str:
        """Answer numba: what tells functions of one name in one file apart."""
        return str(self._line)
