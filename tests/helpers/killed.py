"""Train, be killed, go on: `python killed.py KILLS SEED ARGUMENTS.json`.

Imports once and forks for each run, so that a run costs no start of PyTorch. Prints how many runs were killed.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401 - what the first optimizer of a process imports

from distilbert.train import FinetuneArguments, finetune


def start(values: dict[str, Any]) -> int:
    """The process of a run."""
    if child := os.fork():
        return child
    finetune(FinetuneArguments(**values, resume=True), quiet=True)
    os._exit(0)


def main(kills: int, seed: int, values: dict[str, Any]) -> None:
    started = time.monotonic()
    assert os.waitpid(start(values | {"out": values["out"] + "-unbroken"}), 0)[1] == 0
    takes = time.monotonic() - started
    moments = random.Random(seed)
    killed = 0
    while True:
        child = start(values)
        # a run is killed early enough that there is something left to kill in the next
        deadline = time.monotonic() + (moments.uniform(0, takes / 3) if killed < kills else 600)
        done, status = 0, 0
        while not done and time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.001)
        if done:
            assert status == 0, status
            if killed >= kills:
                break
            # the machine was slower before: once more from the beginning, killed earlier
            shutil.rmtree(values["out"])
            killed, takes = 0, takes / 2
            continue
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
    print(killed)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))
