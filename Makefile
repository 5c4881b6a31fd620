PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Python keeps what it has compiled, also where a machine's setting forbids it: many processes start here.
export PYTHONDONTWRITEBYTECODE =

.PHONY: app test ready check chromium clean

app: $(VENV)/app.stamp
	$(BIN)/python app.py --open

# Three files at once on two cores: a third of them waits for pages and processes. The files of tests/browser take
# longest and come first, as they do in the order of names.
test:
	$(MAKE) --no-print-directory --jobs=2 ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Chromium is installed while pip works, detectron2 while mypy does.
ready: $(VENV)/detectron2.stamp chromium check

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers 2

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Python compiles what it imports; compiling everything beforehand only takes time.
$(VENV)/app.stamp: requirements.txt | $(BIN)/python
	$(BIN)/pip install --no-compile -r requirements.txt
	touch $@

# Holds what the app needs, too: all at once, so that nothing is installed twice.
$(VENV)/test.stamp: requirements-test.txt requirements-mcp.txt requirements.txt | $(BIN)/python
	$(BIN)/pip install --no-compile -r requirements-test.txt
	touch $(VENV)/app.stamp $@

# The headless shell takes a quarter less time than Chromium, which serves where the shell cannot be installed.
chromium:
	command -v chromium-headless-shell >/dev/null || { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends chromium-headless-shell; } || command -v chromium

# detectron2 is only compared with, in its plain Python; where this wheel does not fit, those tests skip and say so.
$(VENV)/detectron2.stamp: $(VENV)/test.stamp
	$(BIN)/pip install --upgrade --no-deps --only-binary=:all: --python-version 3.10 --target "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" sal-detectron2==0.7.2 || echo "detectron2 could not be installed; the tests that compare with it will skip."
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
