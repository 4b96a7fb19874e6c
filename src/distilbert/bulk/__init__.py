"""Models over whole data sets: tables in, the same tables with results out, each row once. Extra `bulk`.

docs/bulk.md shows the use. Read running.py first: a plan cuts the input into parts, an executor runs them.
"""

from ..errors import check_extra

check_extra("bulk", "bulk", "fsspec", "pyarrow")

from ..bulk_settings import BulkSettings
from .annotate import Annotator
from .running import Done, run

__all__ = ["Annotator", "BulkSettings", "Done", "run"]
