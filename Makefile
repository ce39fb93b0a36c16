UV := .uv/bin/uv
PYTHON ?= $(shell command -v python3.12 || command -v python3)

.PHONY: setup
setup: .uv/bin/uv
	$(UV) sync --locked --quiet

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv==0.13.9
