"""The exercises of 11."""

from __future__ import annotations

from .nouns import Exercise

EXERCISES: tuple[Exercise, ...] = ()
