"""The exercises of 02."""

from __future__ import annotations

from .nouns import Exercise

EXERCISES: tuple[Exercise, ...] = ()
