"""The verbs of `python -m helpers`: set up, run, lab, test, lint, clean.

`environment` and what it imports need nothing but Python itself: they run before any package is installed.
"""
