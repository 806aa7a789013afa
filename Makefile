# `make` lists the targets. Everything works as root and as an ordinary user.
SHELL = bash
.SHELLFLAGS = -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL = help
.PHONY: help demo test check audit prepare bench bench-business bench-gate bench-ledger bench-pricing bench-sequencing bench-waiting screenshots clean tools

# where cargo puts its builds, for those who moved it
TARGET = $(or $(CARGO_TARGET_DIR),target)
PORT = 8080
# A local copy of the RustSec database, where the original cannot be reached: make check ADVISORY_DB=../advisory-db
ADVISORY_DB =

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

# The binary takes the place of the shell, so that Ctrl-C reaches it directly and make waits until it has stopped PostgreSQL.
# Without Node there is no identity provider; the demo says so.
demo: ## start a demo company on http://127.0.0.1:8080 (PORT=9000: elsewhere, RESET=1: start over)
	@tests/install demo
	cargo build --release
	@if [[ -e tests/node_modules/.installed-lock.json ]]; then provider='--identity-provider tests/peers/oidc.mjs'; fi; \
	exec $(TARGET)/release/countersign demo --port $(PORT) $(if $(RESET),--reset) $${provider:-}

# The integration tests make cargo build the program that the browser tests start.
test: ## run every test: Rust, PostgreSQL, identity provider, browser
	@tests/install browser
	cargo test --features failpoints
	npm --prefix tests test

check: tools ## what a reviewer need not look for: format, lints, SQL, licences, advisories
	cargo fmt --check
	cargo clippy --all-targets --all-features -- -D warnings
	SQLX_OFFLINE=false tests/scratch-database cargo sqlx prepare --check -- --all-targets --all-features
	cargo deny --log-level error check licenses bans sources
	@$(MAKE) audit

# A finding fails. An advisory database that cannot be reached only warns: the build must not depend on somebody else's server.
audit: tools
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; status=0; \
	cargo audit $(if $(ADVISORY_DB),--no-fetch --db $(ADVISORY_DB)) >"$$log" 2>&1 || status=$$?; cat "$$log"; \
	if ((status)) && grep -qE '^error: .*(fetch|advisory database|advisory-db)' "$$log"; then \
		echo 'warning: no advisory database within reach; nothing was audited' >&2; status=0; \
	fi; exit $$status

prepare: tools ## refresh .sqlx/ after a query or a migration was changed
	SQLX_OFFLINE=false tests/scratch-database cargo sqlx prepare -- --all-targets

# REQUESTS=1000000 takes some minutes to fill; the figures in docs/ say how many there were.
REQUESTS = 1000000
bench: ## measure start, memory and pages of the release build on a million requests
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests $(REQUESTS) -- env COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/pages.mjs

# Needs psql, which comes with PostgreSQL, and 15 GB in /tmp.
bench-ledger: ## measure reading and exporting the ledger of the release build at ten million events
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests 200000 -- env COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/ledger.mjs

# Needs psql, which comes with PostgreSQL.
bench-business: ## measure the pages of ten thousand tenants, two hundred plans and a hundred thousand subscriptions of the release build
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests 10000 -- env COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/business.mjs

bench-pricing: ## measure how many invoices a core previews each second
	cargo bench --bench pricing

bench-gate: ## measure how soon after its approval a change runs, on an idle replica of the release build
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests 10000 -- env COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/gate.mjs

# Ten thousand connections need as many files: `ulimit -n 25000` first, where the hard limit is lower.
bench-waiting: ## measure ten thousand waiting callers and decisions per second of the release build
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests 10000 -- env COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/waiting.mjs

bench-sequencing: ## measure what the ledger costs, and how far its sequencer falls behind
	@tests/install
	cargo build --release
	$(TARGET)/release/countersign scratch-database --requests 10000 -- env REPLICAS=4 COUNTERSIGN_BIN=$(TARGET)/release/countersign node benches/sequencing.mjs

screenshots: ## photograph every page into tests/browser/screenshots/
	@tests/install browser
	cargo build
	npm --prefix tests test browser/pages.test.mjs

# The demo's data stay: `make demo RESET=1` is for that.
clean: ## remove what was built and installed here
	cargo clean
	rm -rf tests/node_modules tests/browser/screenshots

# Pinned, so that the same commit is checked in the same way next year. sqlx-cli has to match sqlx in Cargo.toml, and comes without
# a lock file of its own.
tools:
	@tests/install postgres
	@installed() { [[ "$$(cargo "$$1" --version 2>/dev/null)" == *" $$2" ]]; }; \
	installed sqlx 0.9.0 || cargo install sqlx-cli --version 0.9.0 --no-default-features --features rustls,postgres; \
	installed deny 0.20.2 || cargo install cargo-deny --version 0.20.2 --locked; \
	installed audit 0.22.2 || cargo install cargo-audit --version 0.22.2 --locked
