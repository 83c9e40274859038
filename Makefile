# What a developer or a newcomer types. Each target sets up what it needs in .venv, once.

.DEFAULT_GOAL := help
.PHONY: help run demo test test-commands test-api test-scale test-lowest lint type wsdl bench bench-storage bench-api bench-million bench-fleet bench-growth soak crash fuzz clean

BIN := .venv/bin
CONFIG := config/local.yaml
OCPP_SOAP := $(BIN)/ocpp-soap --config $(CONFIG)
PORT = $(BIN)/python -c 'from pathlib import Path; from ocpp_soap import config; print(config.load(Path("$(CONFIG)")).server.port)'
SOURCES := ocpp_soap handlers tests scripts fuzz benchmarks

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS="$$(printf '\t')" read -r name text; do printf 'make %-13s %s\n' "$$name" "$$text"; done

run: .venv/installed  ## Run the central system on port 9220 with data in data/
	@$(OCPP_SOAP) serve --check && \
	key=$$($(OCPP_SOAP) keys add make-run --role admin --network 127.0.0.0/8 --network ::1/128 --replace) && \
	printf 'REST API, from this machine:\n\n  curl -H "Authorization: Bearer %s" http://127.0.0.1:%s/api/v1/stations\n' "$$key" "$$($(PORT))" && \
	exec $(OCPP_SOAP) serve

demo: .venv/installed  ## A central system and three simulated charge points through a charging session
	@$(BIN)/python scripts/demo.py

test: .venv/installed-dev  ## Run every test that needs no server of its own
	$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

test-commands: .venv/installed-dev  ## Kill everything 50 times while 500 commands go to 100 stations
	OCPP_SOAP_KILLS=50 $(BIN)/python -m pytest -s tests/central_system/command_queue/test_kills.py

test-api: .venv/installed-dev  ## The API against thousands of generated requests; takes minutes
	OCPP_SOAP_SCHEMATHESIS=full $(BIN)/python -m pytest tests/web/api/test_description.py

test-scale: .venv/installed-dev  ## Kill servers and fail MongoDB 20 times under 200 stations; needs haproxy
	OCPP_SOAP_SCALE=10 $(BIN)/python -m pytest -s tests/scale

test-lowest: .venv/installed  ## A session and some tests with the lowest versions of the libraries that setup.cfg asks for
	@$(BIN)/python scripts/lowest.py

lint: .venv/installed-dev  ## Check style, common mistakes and known vulnerabilities
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/python scripts/audit.py

type: .venv/installed-dev  ## Check the types
	$(BIN)/mypy

wsdl: .venv/installed  ## Write the four service descriptions from the messages
	$(BIN)/python -m ocpp_soap.soap.wsdl

bench: .venv/installed-dev  ## Requests per second beside the ceiling and stock Spyne; needs wrk
	$(BIN)/python benchmarks/run.py $(ARGS)

soak: .venv/installed-dev  ## Half of the maximum rate for SECONDS (600), a fifth of it bad input
	$(BIN)/python benchmarks/soak.py --seconds $(or $(SECONDS),600)

crash: .venv/installed-dev  ## kill -9 of a worker or the server TIMES (20) under load
	$(BIN)/python benchmarks/crash.py --times $(or $(TIMES),20)

fuzz: .venv/installed-dev  ## Fuzz what reads a peer's bytes for SECONDS (600); needs atheris
	@$(BIN)/python -m pip install -q 'atheris>=2.3'
	$(BIN)/python fuzz --seconds $(or $(SECONDS),600)

bench-storage: .venv/installed-dev  ## Transactions and meter values per second of each store beside its bare driver
	$(BIN)/python -m benchmarks.bench_storage

bench-api: .venv/installed-dev  ## SOAP p99 alone and beside 20,000 API reads a minute; needs wrk
	$(BIN)/python benchmarks/api_reads.py $(ARGS)

bench-million: .venv/installed  ## A million stations for five minutes, against the goals; needs wrk
	$(BIN)/python benchmarks/million.py $(ARGS)

bench-fleet: .venv/installed  ## 1,000 simulated charging stations against our own serve for 3 minutes
	$(BIN)/python benchmarks/fleet.py $(ARGS)

bench-growth: .venv/installed  ## Cost of a message while the store grows to a million stations and 10^7 meter values
	$(BIN)/python benchmarks/growth.py $(ARGS)

clean:  ## Remove everything that was made, but not data/
	rm -rf .venv .run build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: setup.cfg pyproject.toml scripts/set-up
	@scripts/set-up .venv '.[api]' && touch $@

.venv/installed-dev: setup.cfg pyproject.toml scripts/set-up
	@scripts/set-up .venv '.[dev]' && touch .venv/installed $@
