"""Weights from and to the formats that people have. BERT folders in safetensors need the core install only."""

from .folder import convert
from .report import LeftOut, Mapped, Report

__all__ = ["LeftOut", "Mapped", "Report", "convert"]
