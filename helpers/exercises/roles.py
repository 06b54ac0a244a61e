"""The exercises of 03."""

from __future__ import annotations

from .nouns import Exercise

EXERCISES: tuple[Exercise, ...] = ()
