"""The page of a quantisation: what int8 saves, and where its outputs differ."""

from pathlib import Path

import numpy as np

from ..convert.quantization import QuantizationReport
from ..evaluation.intervals import bootstrap
from ..evaluation.metrics import mean
from .markup import Child, data_text, number, paragraph, table, tag
from .page import Section, section, write_page
from .plots import drawing, histogram
from .scores_section import score_table
from .texts import SIZES, sizes

_MOST = 25  # texts


def write_quantization(path: str | Path, report: QuantizationReport, *, texts: str = "", command: str = "") -> None:
    """Write the report of a quantisation as one HTML file, whole or not at all.

    `texts` says where those that were compared are from, by default the 200 sentences of the demo; `command` makes the
    report again.

    Raises InputError where the file cannot be written.
    """
    facts: list[tuple[str, Child]] = [
        ("model", data_text(report.source)),
        ("written to", data_text(report.out)),
        ("bits of weights", report.bits),
        ("bits of word embeddings", report.word_bits),
        ("matrices in float32", len(report.float32)),
        ("MB of weights", f"{report.bytes_before / 1e6:,.1f} → {report.bytes_after / 1e6:,.1f}"),
        ("speed", f"{report.speedup:.1f} times float32's"),
        ("texts compared", f"{report.texts:,}"),
    ]
    sections = [_data(report, texts or "the demo's sentences"), _scores(report), _cosines(report), _mistakes(report)]
    write_page([path], "Quantisation to int8", facts, command, sections)


def _data(report: QuantizationReport, texts: str) -> Section:
    words = np.array([len(each.text.split()) for each in report.compared])
    row = (data_text(texts), f"{report.texts:,}", *sizes(words))
    head = ("source", "texts", *SIZES)
    return section("data", "Data", table("The texts that both models read", head, [row], numbers=(1, 2, 3, 4)))


def _scores(report: QuantizationReport) -> Section:
    same = [each.same for each in report.compared if each.same is not None]
    scores = bootstrap({"same_decisions": mean(same)}, len(same)) if same else {}
    scores |= bootstrap({"cosine": mean([each.cosine for each in report.compared])}, len(report.compared))
    return section(
        "scores",
        "Scores",
        paragraph(
            "int8 against float32, both on this machine. The interval holds 95 % of bootstrap samples; the band shows "
            f"it between 0 and 1. The worst cosine is {report.worst_cosine:.4f}, of the first text listed below."
        ),
        score_table("Each metric", scores),
    )


def _cosines(report: QuantizationReport) -> Section:
    cosines = np.array([each.cosine for each in report.compared])
    about = f"From {number(float(cosines.min()), 4)} to {number(float(cosines.max()), 4)}."
    with drawing("cosines", "Cosines of the texts", "cosine of float32 and int8", "texts", about) as (axes, made):
        histogram(axes, cosines)
    return section("cosines", "How alike the outputs are", tag("div", made.markup, class_="figures"))


def _mistakes(report: QuantizationReport) -> Section:
    order = sorted(report.compared, key=lambda each: each.cosine)[:_MOST]
    rows = [
        (data_text(each.text), f"{each.cosine:.4f}", "-" if each.same is None else f"{each.same:.0%}") for each in order
    ]
    head = ("text", "cosine", "same decisions")
    return section(
        "mistakes",
        "Where they differ most",
        table("The least alike", head, rows, numbers=(1, 2), class_="texts"),
    )
