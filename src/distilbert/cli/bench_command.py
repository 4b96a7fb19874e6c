"""The command that measures a model on this machine."""

import argparse
import dataclasses
from pathlib import Path

from rich.console import Console

from ..arguments import BenchOptions
from ..errors import counted
from . import show
from .options import add_json, add_model_argument, add_options, read_options
from .reading import lines_of
from .results import print_json


def add_bench(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("--file", type=Path, help="measure on these texts, one a line")
    add_options(parser, BenchOptions)
    parser.add_argument("--plot", metavar="FILE", help="draw throughput against batch size, as .png or .svg")
    add_json(parser)


def bench(args: argparse.Namespace) -> int:
    from ..bench import bench as run
    from ..bench import plot

    options = dataclasses.asdict(read_options(args, BenchOptions))
    with Console(stderr=True).status("measuring") as status:
        report = run(args.model, lines_of(args.file), progress=status.update, **options)
    if args.plot:
        plot(report, args.plot)
    if args.json:
        print_json(report.to_dict())
        return 0
    show.line(show.clean(f"{report.model}: {counted(report.texts, 'text')}, {counted(report.tokens, 'token')}"))
    show.line("\nprecision  threads  tokens a batch  texts/s  tokens/s")
    for setting in report.settings:
        mark = "  <- best" if setting is report.best[setting.precision] else ""
        show.line(
            f"{setting.precision:<9}  {setting.threads:>7}  {setting.batch_tokens:>14}  "
            f"{setting.texts_per_second:>7.1f}  {setting.tokens_per_second:>8.0f}{mark}"
        )
    show.line("")
    for precision, engine in report.engines.items():
        show.line(f"{precision}: {engine}")
    show.line("\nprecision  one text p50     p95     p99  cold start  peak memory")
    for precision, (p50, p95, p99) in report.latency.items():
        show.line(
            f"{precision:<9}  {p50:>9.1f} ms  {p95:>6.1f}  {p99:>6.1f}  "
            f"{report.cold_start[precision]:>8.2f} s  {report.peak_memory[precision]:>8.0f} MB"
        )
    return 0
