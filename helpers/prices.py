"""Prices and limits of AWS, from prices.yaml: each with its unit, its source and the day it was looked up."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("prices.yaml")


@cache
def document() -> dict[str, Any]:
    """Everything that prices.yaml says."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))
