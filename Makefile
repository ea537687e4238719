# SPDX-License-Identifier: Apache-2.0
# The commands of this repository. Each may be run again and again, and needs no network once
# everything is there.
.DEFAULT_GOAL := help
.PHONY: help setup quickstart build test test-server test-clients test-clarifai test-deploy check
.PHONY: dist deb image wheel test-packages test-image test-aarch64 check-macos test-python test-mteb
.PHONY: test-examples test-scaleout bench bench-engines bench-rerank bench-load bench-json bench-bulk
.PHONY: goldens format lint clean
SHELL := bash

# One Python environment a purpose, inside build/.
venv-tools = scripts/make-venv.sh tools scripts/requirements-tools.txt
venv-test = scripts/make-venv.sh test tests/requirements.txt
venv-clients = scripts/make-venv.sh clients tests/clients/requirements.txt
venv-rankers = scripts/make-venv.sh rankers tests/clients/requirements-rankers.txt
venv-infinity = scripts/make-venv.sh infinity tests/clients/requirements-infinity.txt
venv-schemathesis = scripts/make-venv.sh schemathesis tests/clients/requirements-schemathesis.txt
clarifai = $(patsubst tests/clarifai/requirements-%.txt,%,$(wildcard tests/clarifai/requirements-*.txt))
venv-clarifai = for sdk in $(clarifai); do \
	  scripts/make-venv.sh clarifai-$$sdk tests/clarifai/requirements-$$sdk.txt || exit 1; done
venv-deploy = scripts/make-venv.sh deploy tests/deploy/requirements.txt
venv-bench = scripts/make-venv.sh bench scripts/requirements-bench.txt
venv-corpus = scripts/make-venv.sh corpus bench/bulk/requirements.txt
configure = mkdir -p build && cmake --preset release >build/configure.log || { cat build/configure.log; exit 1; }
binary = build/release/nestvec

export TEXT
# Clones of this repository on one machine share what ccache holds.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

help:  ## This list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 22

setup:  ## Install what a build needs (system packages, ONNX Runtime)
	@scripts/setup-apt.sh
	@scripts/get-onnxruntime.sh

build: setup  ## Build the command, build/release/nestvec, and the library
	@$(configure)
	@cmake --build build/release --target nestvec_command nestvec_shared

quickstart: build  ## Build, fetch a small model, embed sample sentences, or TEXT="..."
	@if [[ -n "$$TEXT" ]]; then scripts/quickstart.sh "$$TEXT"; else scripts/quickstart.sh; fi

test: setup  ## Every test: rules, sanitizers, unit, fuzz replays, end to end
	@scripts/check-space.sh 15
	@scripts/setup-apt.sh --tests
	@$(venv-tools)
	@$(venv-test)
	@$(venv-clients)
	@$(venv-rankers)
	@$(venv-infinity)
	@$(venv-schemathesis)
	@$(venv-clarifai)
	@$(venv-deploy)
	@scripts/test.sh

test-server: build  ## The server over HTTP and gRPC, its page, its faults
	@scripts/setup-apt.sh --tests
	@$(venv-test)
	@scripts/pytest.sh test tests/server

test-clients: build  ## Clients from PyPI, unmodified, and schemathesis against the server
	@$(venv-clients)
	@$(venv-rankers)
	@$(venv-infinity)
	@$(venv-schemathesis)
	@scripts/test-suites.sh clients rankers infinity schemathesis

test-clarifai: build  ## Clarifai's SDK in three versions, unmodified, against the server
	@scripts/setup-apt.sh --tests
	@$(venv-clarifai)
	@for sdk in $(clarifai); do scripts/pytest.sh clarifai-$$sdk tests/clarifai || exit 1; done

test-examples: build  ## examples/search with PostgreSQL, Qdrant, LanceDB and Chroma (downloads 400 MB)
	@scripts/setup-apt.sh --examples
	@scripts/make-venv.sh examples tests/examples/requirements.txt
	@scripts/pytest.sh examples tests/examples

test-deploy: build  ## The files of deploy/: schemas, and what they say of the server
	@$(venv-deploy)
	@scripts/pytest.sh deploy tests/deploy

dist: setup  ## The archive for any Linux, in build/packages; ARCH=aarch64 for Arm
	@scripts/make-dist.sh $(ARCH)

deb: setup  ## Packages for Debian 12 and newer, in build/packages; ARCH=aarch64 for Arm
	@scripts/make-deb.sh $(ARCH)

image: setup  ## The image of the server, in build/packages; ARCH=aarch64 for Arm, ARCH="x86_64 aarch64" for both
	@for arch in $(or $(ARCH),"$$(uname -m)"); do scripts/make-dist.sh $$arch || exit 1; done
	@scripts/setup-apt.sh --packages
	@scripts/make-image.sh $(ARCH)

test-packages: dist deb wheel  ## tar.gz, .deb and wheel in clean systems of Debian 12 and 13; needs root
	@scripts/setup-apt.sh --packages
	@$(venv-test)
	@scripts/pytest.sh test tests/packages --ignore=tests/packages/test_image.py

test-image: dist  ## The image, built, and run without rights on a read-only root; needs root
	@scripts/setup-apt.sh --packages
	@$(venv-test)
	@scripts/pytest.sh test tests/packages/test_image.py

test-aarch64: build  ## Cross-compiled tests on emulated processors of aarch64: three to four hours
	@scripts/setup-apt.sh --aarch64
	@scripts/get-sysroot.sh aarch64
	@scripts/get-onnxruntime.sh --aarch64
	@$(venv-test)
	@scripts/fetch-default-model.sh >/dev/null
	@cmake --preset aarch64 >build/configure.log || { cat build/configure.log; exit 1; }
	@cmake --build --preset aarch64
	@scripts/test-aarch64.sh $(ARGS)

check-macos: build  ## Whether the library and the Python module compile for macOS (downloads a compiler, 100 MB)
	@scripts/check-macos.sh

wheel: setup  ## The Python wheel with the command, in build/wheels; ARCH=aarch64 for Arm
	@scripts/make-wheel.sh $(ARCH)

test-python: build  ## The wheel in a fresh environment, beside the command, references and real libraries
	@scripts/setup-apt.sh --tests
	@scripts/test-python.sh

test-mteb: setup  ## MTEB evaluates with the wheel, sentence-transformers is compared with it (downloads PyTorch, 6 GB)
	@scripts/make-wheel.sh
	@scripts/make-venv.sh mteb tests/python/requirements-mteb.txt
	@build/venv-mteb/bin/pip install --quiet --no-index --no-deps --force-reinstall build/wheels/nestvec-*.whl
	@scripts/pytest.sh mteb tests/python/test_mteb.py tests/python/test_real_sentence_transformers.py

test-scaleout: setup  ## Parquet, a local Ray cluster that loses actors and nodes, Spark
	@scripts/setup-apt.sh --tests
	@scripts/test-scaleout.sh

check: setup  ## The quick tests
	@$(venv-tools)
	@scripts/lint.sh --quick
	@cmake --preset asan >build/configure.log || { cat build/configure.log; exit 1; }
	@cmake --build build/asan
	@scripts/fetch-default-model.sh >/dev/null
	@ctest --preset asan -j "$$(nproc)" -L quick

bench: setup  ## The benchmarks
	@$(configure)
	@cmake --build build/release
	@for program in build/release/bench/*_bench; do echo "== $$program"; "$$program" || exit 1; done

bench-engines: setup  ## Beside ONNX Runtime, OpenVINO, PyTorch: hours; minutes with ARGS="--quick"
	@$(venv-bench)
	@$(configure)
	@cmake --build build/release
	@build/venv-bench/bin/python bench/engines/compare.py $(ARGS)

bench-rerank: build  ## Rerankers beside ONNX Runtime, sentence-transformers: an hour; minutes with ARGS="--size minilm"
	@python=$$(scripts/reference-venv.sh) && "$$python" bench/rerank/rerank.py $(ARGS)

bench-load: build  ## Clients at once against the server on a small model: minutes
	@python3 bench/load/load.py --model "$$(scripts/fetch-default-model.sh)" $(ARGS)

bench-json: build  ## A request of 2,048 texts beside the engine alone: a minute
	@python3 bench/load/many_texts.py --model "$$(scripts/fetch-default-model.sh)" $(ARGS)

bench-bulk: build  ## Files to vectors: rate and memory, beside other ways: an hour
	@$(venv-corpus)
	@python=$$(scripts/reference-venv.sh) && model=$$(scripts/fetch-default-model.sh) && \
	  "$$python" bench/bulk/bulk.py --model "$$model" --catalogues build/venv-corpus/lib $(ARGS)

goldens: setup  ## Make the reference data of the tests again (downloads PyTorch)
	@python=$$(scripts/reference-venv.sh) && model=$$(scripts/fetch-default-model.sh) && \
	  "$$python" scripts/goldens/make_all.py "$$model"

format:  ## Format every source
	@$(venv-tools)
	@scripts/lint.sh --format

lint: setup  ## Rules, format and clang-tidy over every source
	@$(venv-tools)
	@cmake --preset dev >build/configure.log || { cat build/configure.log; exit 1; }
	@cmake --build build/dev --target nestvec_proto nestvec_compile nestvec_service
	@scripts/lint.sh

clean:  ## Remove what was built; downloads stay
	@rm -rf build/release build/dev build/asan build/tsan build/fuzz build/aarch64 build/dist build/dist-aarch64 build/deb build/deb-aarch64 build/tidy-passed build/configure.log
