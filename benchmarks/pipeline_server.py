"""The peer: FastAPI around a pipeline of Transformers, as tutorials have it.

python benchmarks/pipeline_server.py FOLDER PORT
"""

import sys

import transformers
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

classify = transformers.pipeline("text-classification", sys.argv[1])
app = FastAPI()


class Body(BaseModel):
    inputs: str


@app.get("/health")
def health() -> None:
    pass


@app.post("/")
def infer(body: Body) -> list[dict[str, object]]:
    return classify(body.inputs, truncation=True)


uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
