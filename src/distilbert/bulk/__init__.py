"""Models over whole data sets: tables in, the same tables with results out, each row once. Extra `bulk`.

docs/bulk.md shows the use. Read running.py first: a plan cuts the input into parts, an executor runs them.
"""

from ..errors import MissingExtraError

try:
    import fsspec as _fsspec  # noqa: F401
    import pyarrow as _pyarrow  # noqa: F401
except ImportError as error:
    raise MissingExtraError(f"distilbert.bulk needs {error.name}: pip install 'distilbert[bulk]'") from None

from ..bulk_settings import BulkSettings
from .annotate import Annotator
from .running import Done, run

__all__ = ["Annotator", "BulkSettings", "Done", "run"]
