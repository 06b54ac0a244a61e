"""The exercises of 00."""

from __future__ import annotations

from .nouns import Exercise

EXERCISES: tuple[Exercise, ...] = ()
