"""From an asynchronous request to a thread that runs a task, and back: admission, time limit, giving up."""

import asyncio
import gc
import time
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request, Response

from ..errors import InputError, TokenizerError, name_list, short_repr
from ..server_settings import Settings
from ..tasks.embedding import Embedder
from ..tasks.sparse import SparseEncoder
from ..tasks.task import AnyTask, Task
from .batcher import Batcher, Work, current_work
from .budget import ANSWER_BYTE, GIVEN_TOKEN, MB, RUN_TOKEN, Budget
from .cost import Cost, count_tokens
from .errors import Fault, RequestError
from .metrics import Metrics, SharedMetrics
from .models import ServedModel, aliases_of
from .schemas import Cutting
from .texts import text_of
from .writing import written

_LAG_EVERY = 0.05  # seconds
_SHARE_EVERY = 1.0


class Service:
    """What all routes share."""

    def __init__(
        self, tasks: Mapping[str, Task], settings: Settings, shared_metrics: SharedMetrics | None = None
    ) -> None:
        if not tasks:
            raise InputError("give at least one model to serve")
        self.settings = settings
        self.metrics = Metrics()
        self._shared_metrics = shared_metrics
        self.batcher = Batcher(
            max_tokens=settings.max_batch_tokens, bound=settings.max_run_ms / 1e3, metrics=self.metrics
        )
        self.models = {name: ServedModel(name, task, self.batcher, settings) for name, task in tasks.items()}
        self.aliases = aliases_of(settings.aliases, self.models)
        prompt = settings.default_prompt or settings.default_prompt_name
        if prompt and not any(model.find(kind) for model in self.models.values() for kind in (Embedder, SparseEncoder)):
            raise InputError(f"the default prompt {short_repr(prompt)} is for models of vectors, and there is none")
        self.warm = False
        memory = settings.max_memory * MB
        self.memory, self.bodies = Budget(memory - memory // 4), Budget(memory // 4)
        self.metrics.memory.labels("requests").set_function(lambda: self.memory.held)
        self.metrics.memory.labels("bodies").set_function(lambda: self.bodies.held)
        # larger bodies are parsed one at a time: JSON holds Python's lock, which the event loop needs
        self.parser, self.large_parser = (
            ThreadPoolExecutor(1, thread_name_prefix=f"distilbert-{name}") for name in ("parser", "large-parser")
        )
        self._pool = ThreadPoolExecutor(settings.max_concurrent, thread_name_prefix="distilbert-request")
        self._at_work = 0
        self.metrics.at_work.set_function(lambda: self._at_work)

    async def warm_up(self) -> None:
        """Run every model. Until it is done, health is bad and requests are refused."""
        await self._warm(self.models)
        self.warm = True
        gc.freeze()  # what is there now stays: looking through all of it again would stop every thread for 100 ms

    async def reload(self, open_again: Callable[[], Mapping[str, Task]]) -> None:
        """Open the models' folders anew, and answer with them once they are warm. Until then the old ones answer.

        Raises DistilBertError, and keeps the old ones, where a folder cannot be opened.
        """

        def opened() -> dict[str, ServedModel]:
            return {name: ServedModel(name, task, self.batcher, self.settings) for name, task in open_again().items()}

        models = await asyncio.get_running_loop().run_in_executor(self._pool, opened)
        await self._warm(models)
        self.models = models  # requests at work keep those that they have

    async def _warm(self, models: Mapping[str, ServedModel]) -> None:
        for model in models.values():
            await asyncio.get_running_loop().run_in_executor(self._pool, model.warm_up)
            self.metrics.engines.labels(model.name, model.precision, model.engine, model.reason).set(1)

    async def watch_loop(self) -> None:
        """Measure, for ever, how late the event loop is."""
        loop = asyncio.get_running_loop()
        while not self.warm:
            await asyncio.sleep(_LAG_EVERY)
        while True:
            due = loop.time() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            self.metrics.lagged(max(0.0, loop.time() - due))

    def changed(self) -> list[str]:
        """The names of the models whose weights were overwritten or cut off in their place since they were opened."""
        return [name for name, model in self.models.items() if model.changed()]

    async def share_metrics(self) -> None:
        """Leave the metrics for the other processes, for ever, where there are others."""
        shared = self._shared_metrics
        while shared is not None:
            await asyncio.to_thread(lambda: shared.write(self.metrics.text()))
            await asyncio.sleep(_SHARE_EVERY)

    def metrics_text(self) -> bytes:
        """The metrics in Prometheus' text format, of all processes."""
        text = self.metrics.text()
        return text if self._shared_metrics is None else self._shared_metrics.text(text)

    def close(self) -> None:
        self.warm = False
        self._pool.shutdown()
        self.parser.shutdown()
        self.large_parser.shutdown()
        self.batcher.close()

    def model(self, request: Request, name: str | None = None) -> ServedModel:
        """The model that the path (or `name`) names; the first where none is named. Raises RequestError for others."""
        name = request.path_params.get("name", name)
        return self._chosen(request, next(iter(self.models.values())) if name is None else self.served(name))

    def served(self, name: str) -> ServedModel:
        """The model of a name. Raises RequestError for a name that is not served."""
        name = self.aliases.get(name, name)
        if name not in self.models:
            told = f"no model of this name ({short_repr(name)}) is served; there are {self._names()}"
            raise RequestError(Fault.NO_MODEL, told, "model")
        return self.models[name]

    def task(self, request: Request, kind: type[AnyTask], what: str, name: str | None = None) -> AnyTask:
        """The named model's task of a kind; where none is named, that of the first model that has one.

        One of exactly this kind stands before one that does the same by other means.

        Raises RequestError for a name that is not served, and where no model is `what`.
        """
        name = request.path_params.get("name", name)
        if name is None:
            able = [(model, found) for model in self.models.values() if (found := model.find(kind))]
            for model, found in sorted(able, key=lambda pair: type(pair[1]) is not kind):
                self._chosen(request, model)
                return found
            raise RequestError(Fault.WRONG_MODEL, f"no model here is {what}; there are {self._names()}")
        return self.model(request, name).get(kind, what)

    def may_cut(self, body: Cutting) -> bool:
        """Whether texts that are too long may be cut, on routes of TEI."""
        return self.settings.auto_truncate if body.truncate is None else body.truncate

    def texts(self, task: Task, inputs: str | Sequence[int | str | Sequence[int]]) -> list[str]:
        """The texts that were given, as strings or as token ids. Raises RequestError for ids that cannot be read."""
        one = isinstance(inputs, str) or (len(inputs) > 0 and isinstance(inputs[0], int))
        given: Any = [inputs] if one else inputs
        self.check_texts(given)
        if self.settings.refuse_token_ids and not all(isinstance(each, str) for each in given):
            message = (
                "token ids are refused (--refuse-token-ids): they are read as this model's own; "
                "send text, in LangChain with check_embedding_ctx_length=False"
            )
            raise RequestError(Fault.UNPROCESSABLE, message)
        return [each if isinstance(each, str) else text_of(task.tokenizer, each) for each in given]

    def check_texts(self, texts: Sized, labels: int = 1, *, what: str = "text") -> None:
        """Raises RequestError where a request has no texts, or no labels for each, or too many of them."""
        count = len(texts) * labels
        if not count:
            raise RequestError(Fault.EMPTY, f"give at least one {'label' if len(texts) else what}")
        if count > self.settings.max_texts:
            raise RequestError(
                Fault.TOO_LARGE, f"{count} texts are more than the {self.settings.max_texts} of --max-texts"
            )

    def check_lengths(
        self, task: Task, texts: Sequence[str], pairs: Sequence[str] | None = None, *, before: str = ""
    ) -> None:
        """Raises RequestError where a text is longer than the model reads; for those who did not allow to cut it."""
        current_work.get().check()  # what follows may take some tenths of a second
        limit = task.model.max_length
        for index, encoding in enumerate(task.tokenizer.encode_batch([before + text for text in texts], pairs)):
            if len(encoding) > limit:
                raise RequestError(
                    Fault.TOO_LARGE,
                    f"text {index} has {len(encoding)} tokens, more than the {limit} that the model reads; "
                    'shorten it, or send "truncate": true',
                )

    def check_room(self) -> None:
        """Raises RequestError where no request is taken on: not warm yet, or too many at work."""
        if not self.warm:
            raise RequestError(Fault.UNAVAILABLE, "the models are not warm yet")
        if self._at_work >= self.settings.max_concurrent:
            raise RequestError(
                Fault.OVERLOADED, f"{self._at_work} requests are at work already, as many as --max-concurrent"
            )

    def tokens(self, task: Task, texts: Sequence[str]) -> int:
        """An upper bound of the tokens of some texts. Raises RequestError for more than a request may have."""
        tokens = count_tokens(task.tokenizer, texts, self.settings.max_tokens, current_work.get().check)
        self._check_tokens(tokens)
        return tokens

    def charge(self, cost: Cost) -> None:
        """Take what a request will come to out of the budgets. Raises RequestError where it is too much."""
        self._check_tokens(cost.run)
        most = self.settings.max_answer_bytes
        if cost.answer > most:
            raise RequestError(
                Fault.TOO_LARGE,
                f"the answer would have some {cost.answer} bytes, more than the {most} of --max-answer-bytes; "
                "ask for less at once",
            )
        share = current_work.get().share
        assert share is not None
        share.take(GIVEN_TOKEN * cost.given + RUN_TOKEN * cost.run + cost.held)

    def _check_tokens(self, tokens: int) -> None:
        most = self.settings.max_tokens
        if tokens > most:
            raise RequestError(
                Fault.TOO_LARGE, f"the request comes to some {tokens} tokens, more than the {most} of --max-tokens"
            )

    async def answer(self, request: Request, compute: Callable[[], object]) -> Response:
        """The JSON of what `compute` gives, run in a thread of its own.

        Raises RequestError where there is no room, it is not warm or out of time, or the client has left, and for
        what `compute` raises.
        """
        self.check_room()
        self._at_work += 1
        work: Work = request.scope["distilbert.work"]
        work.most = self.settings.max_tokens
        assert work.share is not None
        share = work.share
        share.hold()
        loop, asked = asyncio.get_running_loop(), time.perf_counter()
        answer: asyncio.Future[bytes] = loop.create_future()

        def end(result: bytes | Exception) -> None:
            if answer.done():
                return
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        def left(result: bytes | Exception) -> None:
            share.let_go()
            self._at_work -= 1
            end(result)

        # a future for the loop alone: what asyncio makes of a pool's own takes as long as the rest of this
        self._pool.submit(lambda: loop.call_soon_threadsafe(left, self._run(work, compute, asked)))
        late = RequestError(Fault.UNAVAILABLE, f"no answer within {self.settings.timeout:g} seconds")
        timer = loop.call_later(self.settings.timeout, end, late)
        watch = loop.create_task(_watch(request, end))
        try:
            return Response(await answer, media_type="application/json")
        except BaseException:
            self.batcher.cancel(work)
            raise
        finally:
            timer.cancel()
            watch.cancel()

    def _run(self, work: Work, compute: Callable[[], object], asked: float) -> bytes | Exception:
        """In a thread: the JSON of what `compute` gives, or why there is none."""
        current_work.set(work)
        stages = self.metrics.stages
        started = time.perf_counter()
        stages["thread"].observe(started - asked)
        share, size = work.share, 0
        assert share is not None

        def spend(more: int) -> None:
            nonlocal size
            work.check()
            share.take(ANSWER_BYTE * more)
            size += more
            if size > self.settings.max_answer_bytes:
                message = f"the answer has more than the {self.settings.max_answer_bytes} bytes of --max-answer-bytes"
                raise RequestError(Fault.TOO_LARGE, message)

        try:
            return written(compute(), spend)
        except (InputError, TokenizerError) as error:
            return RequestError(Fault.UNPROCESSABLE, str(error))
        except Exception as error:
            return error
        finally:
            stages["wait"].observe(work.waited)
            stages["run"].observe(work.ran)
            stages["task"].observe(time.perf_counter() - started - work.waited - work.ran)

    def _names(self) -> str:
        return name_list([*self.models], most=20)

    @staticmethod
    def _chosen(request: Request, model: ServedModel) -> ServedModel:
        request.scope["distilbert.work"].model = model.name
        return model


async def _watch(request: Request, end: Callable[[Exception], None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    end(RequestError(Fault.GONE, "the client has left"))
