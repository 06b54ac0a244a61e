"""The exercises of 99."""

from __future__ import annotations

from .nouns import Exercise

EXERCISES: tuple[Exercise, ...] = ()
