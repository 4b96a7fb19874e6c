"""`distilbert calibrate`: scores that are how often the model is right, fitted to held-out examples."""

import argparse
import dataclasses
from pathlib import Path

from ..arguments import CalibrateOptions
from ..progress import working
from . import show
from .options import add_json, add_model_argument, add_options, read_options
from .results import print_json


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("data", type=Path, help="examples that the model was not trained on, as for evaluate")
    add_options(parser, CalibrateOptions)
    add_json(parser)


def calibrate(args: argparse.Namespace) -> int:
    from ..calibration import Calibration
    from ..evaluation import calibrate as run
    from .evaluate_command import show_breakdown

    options = dataclasses.asdict(read_options(args, CalibrateOptions))
    with working("calibrating"):
        report = run(args.model, args.data, **options)
    if args.json:
        print_json(report.to_dict())
        return 0
    if report.guessed:
        show.line(show.clean(f"{report.data}: {report.guessed}"))
    show.line(f"{report.task}, {report.examples:,} examples, in five folds that the fit did not see")
    rows = [[name, f"{report.before[name]:.4f}", f"{report.after[name]:.4f}"] for name in report.before]
    show.columns([["", "before", "after"], *rows])
    show.line("")
    show_breakdown(report.reliability)
    if report.calibration == Calibration():
        show.line(show.clean(f"{args.model}: no temperature makes its scores better; its config.json has none"))
    else:
        show.line(show.clean(f"{args.model}: {report.calibration}, written into its config.json"))
    return 0
