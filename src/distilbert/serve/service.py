"""From an asynchronous request to a thread that runs a task, and back: admission, time limit, giving up."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic_core import PydanticSerializationError, to_json

from ..errors import InputError, TokenizerError
from ..server_settings import Settings
from ..tasks.task import Task
from .batcher import Batcher, Work, current_work
from .errors import Fault, RequestError
from .metrics import Metrics
from .models import ServedModel

AnyTask = TypeVar("AnyTask", bound=Task)


class Service:
    """What all routes share."""

    def __init__(self, tasks: Mapping[str, Task], settings: Settings) -> None:
        if not tasks:
            raise InputError("give at least one model to serve")
        self.settings = settings
        self.metrics = Metrics()
        self.batcher = Batcher(
            max_tokens=settings.max_batch_tokens, bound=settings.max_run_ms / 1e3, metrics=self.metrics
        )
        self.models = {name: ServedModel(name, task, self.batcher) for name, task in tasks.items()}
        self.warm = False
        self._pool = ThreadPoolExecutor(settings.max_concurrent, thread_name_prefix="distilbert-request")
        self._at_work = 0

    async def warm_up(self) -> None:
        """Run every model. Until it is done, health is bad and requests are refused."""
        for model in self.models.values():
            await asyncio.get_running_loop().run_in_executor(self._pool, model.warm_up)
        self.warm = True

    def close(self) -> None:
        self.warm = False
        self._pool.shutdown()
        self.batcher.close()

    def model(self, request: Request, name: str | None = None) -> ServedModel:
        """The model that the path (or `name`) names; the first where none is named. Raises RequestError for others."""
        name = request.path_params.get("name", name)
        if name is None:
            return self._chosen(request, next(iter(self.models.values())))
        return self._chosen(request, self.served(name))

    def served(self, name: str) -> ServedModel:
        """The model of a name. Raises RequestError for a name that is not served."""
        if name not in self.models:
            raise RequestError(Fault.NO_MODEL, "no model of this name is served; see /v1/models")
        return self.models[name]

    def task(self, request: Request, kind: type[AnyTask], what: str, name: str | None = None) -> AnyTask:
        """The named model's task of a kind; where none is named, that of the first model that has one.

        Raises RequestError for a name that is not served, and where no model is `what`.
        """
        name = request.path_params.get("name", name)
        if name is None:
            for model in self.models.values():
                if found := model.find(kind):
                    self._chosen(request, model)
                    return found
            raise RequestError(Fault.WRONG_MODEL, f"no model here is {what}; there are {', '.join(self.models)}")
        return self.model(request, name).get(kind, what)

    def check_texts(self, texts: Sized, times: int = 1) -> None:
        """Raises RequestError where a request has no texts, or too many of them."""
        count = len(texts) * times
        if not count:
            raise RequestError(Fault.EMPTY, "give at least one text")
        if count > self.settings.max_texts:
            raise RequestError(
                Fault.TOO_LARGE, f"{count} texts are more than the {self.settings.max_texts} of --max-texts"
            )

    def check_lengths(
        self, task: Task, texts: Sequence[str], pairs: Sequence[str] | None = None, *, before: str = ""
    ) -> None:
        """Raises RequestError where a text is longer than the model reads; for those who did not allow to cut it."""
        limit = task.model.max_length
        for index, encoding in enumerate(task.tokenizer.encode_batch([before + text for text in texts], pairs)):
            if len(encoding) > limit:
                raise RequestError(
                    Fault.TOO_LARGE,
                    f"text {index} has {len(encoding)} tokens, more than the {limit} that the model reads; "
                    'shorten it, or send "truncate": true',
                )

    async def answer(self, request: Request, compute: Callable[[], object]) -> Response:
        """The JSON of what `compute` gives, run in a thread of its own.

        Raises RequestError where there is no room, it is not warm or out of time, or the client has left, and for
        what `compute` raises.
        """
        if not self.warm:
            raise RequestError(Fault.UNAVAILABLE, "the models are not warm yet")
        if self._at_work >= self.settings.max_concurrent:
            raise RequestError(Fault.OVERLOADED, f"{self._at_work} requests are at work already")
        self._at_work += 1
        self.metrics.at_work.inc()
        work: Work = request.scope["distilbert.work"]
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._pool, self._run, work, compute, time.perf_counter())
        answer.add_done_callback(self._left)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            waiting: set[asyncio.Future[Any]] = {answer, gone}
            await asyncio.wait(waiting, timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return Response(answer.result(), media_type="application/json")
            if gone.done():
                raise RequestError(Fault.GONE, "the client has left")
            raise RequestError(Fault.UNAVAILABLE, f"no answer within {self.settings.timeout:g} seconds")
        finally:
            gone.cancel()
            if not answer.done():
                self.batcher.cancel(work)

    def _run(self, work: Work, compute: Callable[[], object], asked: float) -> bytes:
        current_work.set(work)
        stages = self.metrics.stages
        started = time.perf_counter()
        stages["thread"].observe(started - asked)
        try:
            result = compute()
        except (InputError, TokenizerError) as error:
            raise RequestError(Fault.UNPROCESSABLE, str(error)) from None
        finally:
            computed = time.perf_counter()
            stages["wait"].observe(work.waited)
            stages["run"].observe(work.ran)
            stages["task"].observe(computed - started - work.waited - work.ran)
        answer = _json(result)
        stages["write"].observe(time.perf_counter() - computed)
        return answer

    def _left(self, answer: "asyncio.Future[bytes]") -> None:
        self._at_work -= 1
        self.metrics.at_work.dec()
        if not answer.cancelled():
            answer.exception()  # seen: whoever asked may have gone

    @staticmethod
    def _chosen(request: Request, model: ServedModel) -> ServedModel:
        request.scope["distilbert.work"].model = model.name
        return model


def _json(value: object) -> bytes:
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:  # a text sent back has unpaired surrogates: only escapes can hold those
        return json.dumps(value).encode()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
