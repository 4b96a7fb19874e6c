"""One HTTP server for every task, spoken to by the clients of the hub, of TEI and of OpenAI. Extra `serve`.

docs/serving.md shows the use. Read batcher.py first: it is what makes one process answer many clients well.
"""

from ..errors import MissingExtraError

try:
    import fastapi as _fastapi  # noqa: F401
    import httptools as _httptools  # noqa: F401
    import prometheus_client as _prometheus_client  # noqa: F401
    import uvicorn as _uvicorn  # noqa: F401
except ImportError:
    raise MissingExtraError("distilbert.serve needs FastAPI and uvicorn: pip install 'distilbert[serve]'") from None

from ..server_settings import Settings
from .app import create_app
from .models import ServedModel, open_models
from .server import run_server
from .workers import start_workers

__all__ = ["ServedModel", "Settings", "create_app", "open_models", "run_server", "start_workers"]
