"""One HTTP server for every task, spoken to by the clients of the hub, of TEI and of OpenAI. Extra `serve`.

docs/serving.md shows the use. Read batcher.py first: it is what makes one process answer many clients well.
"""

from ..errors import check_extra

check_extra("serve", "serve", "fastapi", "httptools", "prometheus_client", "uvicorn")

from ..server_settings import Settings
from .app import create_app
from .models import ServedModel, open_models
from .server import run_server
from .workers import start_workers

__all__ = ["ServedModel", "Settings", "create_app", "open_models", "run_server", "start_workers"]
