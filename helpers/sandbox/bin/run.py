"""Runs the `main` of one module of the sandbox for a build: `python -I run.py docker_cli.entry argument...`

The package `helpers` is entered without its own start-up, which imports what notebooks need: a build calls
`docker` and `aws` several times, and each call shall begin at once.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

package = types.ModuleType("helpers")
package.__path__ = [str(Path(__file__).resolve().parents[2])]
sys.modules["helpers"] = package

if __name__ == "__main__":
    name = sys.argv.pop(1)
    sys.exit(importlib.import_module(f"helpers.sandbox.{name}").main(sys.argv[1:]))
