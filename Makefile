# Landing, database and exports hold personal data: only their owner can read them.
SHELL := /bin/sh
UV := .uv/bin/uv
PYTHON ?= $(shell command -v python3.12 || command -v python3)

.PHONY: setup run report nightly test test-all test-fast test-slow test-deploy lint \
    docs review image tools bench bench-diff bench-extract

setup: .uv/bin/uv
	$(UV) sync --locked --quiet --compile-bytecode

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

run: setup
	umask 077; $(UV) run --locked sms extract load --sandbox
	umask 077; $(UV) run --locked dbt build
	$(UV) run --locked sms publish show

# The report of the newest build, in a browser if there is one.
report: setup
	$(UV) run --locked sms publish report --open

# A night: MODE=plan, or MODE=export to promote as well; ARGS for other options.
MODE := plan
nightly: setup
	$(UV) run --locked sms nightly $(MODE) $(ARGS)

# Lint uses one core and pytest two: side by side they end sooner than in turn.
test: setup tools
	$(MAKE) --jobs 2 --keep-going lint test-all

# Two processes; the one that is done first takes over tests of the other.
PYTEST := $(UV) run --locked pytest -q --numprocesses 2 --dist worksteal
test-all: setup tools
	$(PYTEST) -m "not deploy"

# A minute or two: no builds of whole projects, and nothing else that is slow.
test-fast: setup tools
	$(PYTEST) -m "not e2e and not slow and not deploy"

test-slow: setup tools
	$(PYTEST) -m "e2e or slow"

# What tests need from the system: Debian's packages of these names.
TOOLS := chromium jq strace
tools:
	@missing=; for tool in $(TOOLS); do \
	    command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || { apt-get update -q && \
	    apt-get install -y -q --no-install-recommends $$missing; } >/dev/null || \
	{ echo "The tests need these programs:$$missing" >&2; exit 1; }

# dbt-bouncer needs an older duckdb than the project: it has its own environment.
LINT := PATH="$$PWD/.venv/bin:$$PATH" $(UV) run --project lint --locked --quiet
lint: setup
	$(UV) run --locked ruff check
	$(UV) run --locked ruff format --check
	$(UV) run --locked mypy
	$(UV) run --locked lint-imports
	$(UV) run --locked sqlfluff lint --disable-progress-bar models audience tests/*.sql
	$(UV) run --locked python lint/parse.py --target lint/target
	$(LINT) dbt-bouncer run --config-file lint/dbt-bouncer.yml --show-all-failures
	$(UV) run --locked zizmor --offline --strict-collection --pedantic --quiet \
	    .github/workflows
	$(LINT) actionlint -shellcheck shellcheck
	$(LINT) shellcheck .ci/run
	$(UV) run --locked pre-commit validate-config

# Checks the template, builds the image and runs nights in it. As root, who can make a
# root file system. IMAGE_BASE: an image of Python 3.12, else one is made here.
test-deploy: setup
	$(MAKE) tools TOOLS='buildah mmdebstrap runc'
	$(UV) run --locked cfn-lint deploy/stack.yaml
	$(LINT) --group deploy checkov --quiet --compact --skip-download \
	    --framework cloudformation dockerfile --file deploy/stack.yaml deploy/Dockerfile
	$(UV) run --locked pytest -q -m deploy tests/deploy

# One page of all models, columns and macros; it needs no build and shows no data.
docs: setup
	DUCKDB_PATH=:memory: $(UV) run --locked dbt --quiet docs generate --static \
	    --empty-catalog --target-path target/docs
	@echo target/docs/static_index.html

# The image of the working tree, with its commit in the version. BUILD can be buildah.
# For production give IMAGE_BASE by its digest, as deploy/Dockerfile says.
BUILD := docker build --platform linux/amd64
IMAGE := sms-campaigns
image: setup
	$(BUILD) --file deploy/Dockerfile --tag $(IMAGE) \
	    --build-arg COMMIT="$$($(UV) run --locked sms --version | sed -n 's/.*+//p')" \
	    $(if $(IMAGE_BASE),--build-arg BASE="$(IMAGE_BASE)") .

# Who is texted by the working tree and not by BASE, and the other way round.
BASE := main
review: setup
	$(UV) run --locked sms review change --base "$(BASE)"

# A build beside the floor of plain SQL, for 10 thousand to a million subjects or for
# the sizes in ARGS, such as ARGS="1000000 --json bench.json". It takes some minutes.
bench: setup
	$(UV) run --locked python -m tests.bench.bench_build $(ARGS)

# Compares two databases of a million candidates; not a test, since time varies.
bench-diff: setup
	$(UV) run --locked python -m tests.audience.bench_diff

# Loads from portals on this machine, for some minutes.
bench-extract: setup
	$(UV) run --locked python -m tests.extract.bench_extract
