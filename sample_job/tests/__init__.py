"""The job's own tests: `python -m unittest`, with nothing to install."""
