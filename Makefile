# Everything is installed into .venv; nothing outside this folder is touched, but for Debian's packages that `make test-napari` and `make test-slurm` name.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet -c constraints.txt
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal
NETWORKS := training finetuning quantisation zoo models predict

PLUGINS := $(addprefix plugins/organelles/,mito er golgi pore ccp nucleus) $(addprefix plugins/analyses/,pits pores contacts) plugins/datasets/simulated plugins/datasets/asem \
	plugins/readers/jeiss plugins/annotate plugins/view plugins/mesh
PACKAGES := asem_core $(wildcard plugins/*/*/asem_* plugins/*/asem_*)
EDITABLE_PLUGINS := $(addprefix -e ./,$(PLUGINS))
BIAPY := biapy==3.7.1
SLURM_DEBIAN := slurm-wlm munge
NAPARI_VENVS := .venv-napari/oldest .venv-napari/newest
NAPARI_DEBIAN := xvfb libgl1-mesa-dri libegl1 libopengl0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 $(addprefix libxcb-,\
	cursor0 icccm4 image0 keysyms1 randr0 render-util0 shape0 xinerama0 xkb1)
MANIFESTS := constraints.txt pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS))
MODELS := $(wildcard plugins/organelles/*/asem_organelle_*/models/*/rdf.yaml)

.PHONY: help demo test test-fast test-napari napari-debian test-slurm test-buckets test-biapy lint format docs bench wheels release clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 16

demo: $(VENV)/.demo  ## Install without torch, segment a simulated cell, print the scores
	$(BIN)/asem demo --overwrite

test: $(VENV)/.test lint  ## Install everything, lint, run all tests
	$(PYTEST)

test-fast: $(VENV)/.test  ## The tests of the library that need no network and no command line
	$(PYTEST) -m "not slow" tests/unit $(addprefix --ignore=tests/unit/,$(NETWORKS) cli reporting)

test-napari: $(addsuffix /.test,$(NAPARI_VENVS))  ## Test the napari plugin with the oldest and the newest napari, on a screen that nobody sees
	@command -v Xvfb >/dev/null || $(MAKE) napari-debian
	for venv in $(NAPARI_VENVS); do PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ASEM_PICTURES=$(CURDIR)/$$venv/pictures \
		$$venv/bin/python -m pytest plugins/annotate/tests/napari || exit 1; done

napari-debian:  ## Install the packages of Debian that test-napari needs, as root
	apt-get update
	apt-get install --yes --no-install-recommends $(NAPARI_DEBIAN)

test-slurm: $(VENV)/.test  ## Test jobs of SLURM, three nodes of which are started on this machine; as root
	@command -v slurmctld >/dev/null || { [ "$$(id -u)" = 0 ] || { echo "SLURM is missing: apt-get install slurm-wlm munge"; exit 1; }; \
		echo "installing $(SLURM_DEBIAN)"; apt-get install --yes --no-install-recommends $(SLURM_DEBIAN); }
	ASEM_SLURM=1 $(BIN)/python -m pytest -s tests/slurm

test-buckets: $(VENV)/.buckets  ## Test gs:// and az:// against stand-ins, of which Azure's needs npm
	$(BIN)/python -m pytest tests/integration/test_other_buckets.py

test-biapy: $(VENV)/.test .venv-biapy/.installed  ## Test that BiaPy, in an environment of its own, predicts what ASEM does
	ASEM_BIAPY=$(CURDIR)/.venv-biapy/bin/python $(BIN)/python -m pytest tests/clients

lint: $(VENV)/.test  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(PACKAGES)

format: $(VENV)/.test  ## Format the code, repair what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.test  ## Build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.test  ## Run the benchmarks; they print tables
	for script in tests/benchmarks/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

wheels: $(VENV)/.test  ## Build every distribution into dist
	for folder in . $(PLUGINS); do $(BIN)/python -m build --no-isolation --outdir dist $$folder || exit 1; done

release: $(VENV)/.release  ## Build and check every distribution, write an index of them, install from it by name, segment
	rm -rf dist
	$(BIN)/python tools/release.py dist --try er

clean:  ## Remove .venv, the demo, builds and caches
	rm -rf $(VENV) .venv-napari .venv-biapy asem_demo dist docs/_build docs/generated .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find asem_core plugins tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ASEM needs Python 3.11 or later: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(MANIFESTS) $(MODELS) | $(BIN)/python
	$(PIP_INSTALL) -e . $(EDITABLE_PLUGINS)
	$(BIN)/python tools/weights.py fetch
	touch $@

$(VENV)/.test: $(MANIFESTS) $(MODELS) | $(BIN)/python
	$(PIP_INSTALL) -e '.[docs,quantise,test,train]' $(EDITABLE_PLUGINS)
	$(BIN)/python tools/weights.py fetch
	touch $@ $(VENV)/.demo

$(VENV)/.buckets: $(VENV)/.test
	$(PIP_INSTALL) -e '.[azure,gcs]' 'gcp-storage-emulator>=2026.7'
	@command -v npm >/dev/null || { echo "npm is missing, which installs Azurite: apt-get install npm"; exit 1; }
	npm install --silent --prefix $(VENV)/azurite azurite@3.35
	touch $@

.venv-biapy/.installed: constraints.txt
	$(PYTHON) -m venv .venv-biapy
	.venv-biapy/bin/python -m pip install --quiet $(BIAPY) "$$(grep ^torch== constraints.txt)" "$$(grep '^pydantic<' constraints.txt)"
	touch $@

$(VENV)/.release: $(VENV)/.test
	$(PIP_INSTALL) 'twine>=6'
	touch $@

# The oldest is what plugins/annotate/pyproject.toml asks for.
.venv-napari/oldest/.test: NAPARI := napari==0.6.6
.venv-napari/newest/.test: NAPARI := napari
.venv-napari/%/.test: $(MANIFESTS)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet -c constraints.txt '$(NAPARI)' PySide6-Essentials pytest \
		-e '.[train]' $(addprefix -e ./,$(filter-out plugins/annotate,$(PLUGINS))) -e './plugins/annotate[napari]'
	touch $@
