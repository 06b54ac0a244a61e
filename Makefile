# Every verb is `python -m helpers VERB` as well, which is what it calls and what works without make.
# The first one to run makes .venv, from pyproject.toml and constraints.txt; nothing has to be installed before.
#
#   make run PYTHON=python3.12            choose the Python that .venv is made with
#   make run ARGS="--only 03"             hand options to the verb
#   make run ARGS="--alone --solutions"   each notebook and each solution from an empty sandbox

PYTHON ?= $(shell command -v python3 || command -v python || echo python3)
ARGS ?=
HELPERS = "$(PYTHON)" -m helpers

.DEFAULT_GOAL := help
.PHONY: help run lab outputs test lint clean

help: ## show the verbs
	@awk -F ': ## ' '/^[a-z]+: ## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: ## execute all notebooks in order in a sandbox of their own, and show the report
	@$(HELPERS) run $(ARGS)

lab: ## open the first notebook in JupyterLab, with your sandbox running
	@$(HELPERS) lab $(ARGS)

outputs: ## execute the notebooks and store in them what they show
	@$(HELPERS) outputs $(ARGS)

test: ## run all tests
	@$(HELPERS) test $(ARGS)

lint: ## check code, notebooks and templates
	@$(HELPERS) lint $(ARGS)

clean: ## stop the sandboxes and remove everything that was made here
	@$(HELPERS) clean $(ARGS)
