"""Weights from and to the formats that people have. BERT folders in safetensors need the core install only."""

from .conversion import convert
from .onnx_export import export_onnx
from .quantization import ComparedText, QuantizationReport, quantize
from .report import LeftOut, Mapped, Report

__all__ = ["ComparedText", "LeftOut", "Mapped", "QuantizationReport", "Report", "convert", "export_onnx", "quantize"]
