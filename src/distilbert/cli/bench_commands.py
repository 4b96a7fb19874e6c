"""The commands about speed and size: `quantize` and `bench`."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from . import show
from .reading import text_groups


def add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a folder, starter/NAME, or a name on the Hugging Face hub")
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--bits", type=int, default=8, help="of the weights, 8 (default) or 7")
    parser.add_argument("--data", type=Path, metavar="FILE", help="compare on these texts, one a line")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def quantize(args: argparse.Namespace) -> int:
    from ..convert import quantize as run

    report = run(args.model, args.out, bits=args.bits, data=_texts(args.data), revision=args.revision)
    if args.json:
        print(json.dumps(report.to_dict()))
    else:
        for line in str(report).splitlines():
            show.line(show.clean(line))
    return 0


def add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a folder, starter/NAME, or a name on the Hugging Face hub")
    parser.add_argument("--file", type=Path, help="measure on these texts, one a line")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each setting (default: 3)")
    parser.add_argument("--plot", metavar="FILE", help="draw throughput against batch size, as .png or .svg")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def bench(args: argparse.Namespace) -> int:
    from ..bench import bench as run
    from ..bench import plot

    with Console(stderr=True).status("measuring") as status:
        report = run(args.model, _texts(args.file), revision=args.revision, rounds=args.rounds, progress=status.update)
    if args.plot:
        plot(report, args.plot)
    if args.json:
        print(json.dumps(report.to_dict()))
        return 0
    show.line(show.clean(f"{report.model}: {report.texts} texts, {report.tokens} tokens"))
    show.line("\nprecision  threads  tokens a batch  texts/s  tokens/s")
    for setting in report.settings:
        mark = "  <- best" if setting is report.best[setting.precision] else ""
        show.line(
            f"{setting.precision:<9}  {setting.threads:>7}  {setting.batch_tokens:>14}  "
            f"{setting.texts_per_second:>7.1f}  {setting.tokens_per_second:>8.0f}{mark}"
        )
    show.line("\nprecision  one text p50     p95     p99  cold start  peak memory")
    for precision, (p50, p95, p99) in report.latency.items():
        show.line(
            f"{precision:<9}  {p50:>9.1f} ms  {p95:>6.1f}  {p99:>6.1f}  "
            f"{report.cold_start[precision]:>8.2f} s  {report.peak_memory[precision]:>8.0f} MB"
        )
    return 0


def _texts(path: Path | None) -> list[str] | None:
    if path is None:
        return None
    return [text for group in text_groups([], path) for text in group]
