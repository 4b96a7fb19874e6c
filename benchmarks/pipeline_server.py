"""The peer: FastAPI around a pipeline of Transformers, as tutorials have it, with the number of threads chosen well.

python benchmarks/pipeline_server.py FOLDER PORT WORKERS TORCH_THREADS
"""

import contextlib
import sys
from collections.abc import AsyncIterator

import anyio.to_thread
import torch
import transformers
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

folder, port, workers, torch_threads = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(torch_threads)
classify = transformers.pipeline("text-classification", folder)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = workers
    yield


app = FastAPI(lifespan=lifespan)


class Body(BaseModel):
    inputs: str


@app.get("/health")
def health() -> None:
    pass


@app.post("/")
def infer(body: Body) -> list[dict[str, object]]:
    return classify(body.inputs, truncation=True)


uvicorn.run(app, port=port, log_level="warning")
