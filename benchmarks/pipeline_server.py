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


class Body(BaseModel):
    inputs: str


def create_app(folder: str, workers: int) -> FastAPI:
    classify = transformers.pipeline("text-classification", folder)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = workers
        yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    def health() -> None:
        pass

    @app.post("/")
    def infer(body: Body) -> list[dict[str, object]]:
        return classify(body.inputs, truncation=True)

    return app


def main(folder: str, port: int, workers: int, torch_threads: int) -> None:
    torch.set_num_threads(torch_threads)
    uvicorn.run(create_app(folder, workers), port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
