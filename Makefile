# What everybody calls: make build, make test. What CI runs: make check.

GO      ?= go
GOBIN   ?= $(HOME)/.local/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# urfave/cli's documentation generator would link a Markdown parser.
TAGS     = urfave_cli_no_docs
LDFLAGS  = -s -w -X agent-secrets/internal/cli.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build demo test race lint vet fmt tidy cover fuzz crash soak bench man plugin-claude plugin-openclaw plugin-openclaw-full install check clean

build:
	CGO_ENABLED=0 $(GO) build -tags $(TAGS) -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o secrets .

test:
	$(GO) test -tags $(TAGS) ./...

race:
	CGO_ENABLED=1 $(GO) test -tags $(TAGS) -race -timeout 40m ./...

lint: vet fmt
	$(GO) run $(STATICCHECK) -tags $(TAGS) ./...

vet:
	$(GO) vet -tags $(TAGS) ./...
	GOOS=darwin $(GO) vet -tags $(TAGS) ./...

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w $$unformatted"; exit 1; fi

tidy:
	$(GO) mod tidy -diff

cover:
	$(GO) test -tags $(TAGS) -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1

# Each fuzz target for FUZZTIME; their seeds run in make test.
FUZZTIME ?= 10s
fuzz:
	@for pair in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort -u | \
		while read -r file; do sed -n "s|^func \(Fuzz[A-Za-z0-9]*\)(.*|$$(dirname $$file):\1|p" $$file; done); do \
		echo "$$pair"; $(GO) test -tags $(TAGS) -run '^$$' -fuzz "^$${pair#*:}\$$" -fuzztime $(FUZZTIME) $${pair%%:*} || exit 1; \
	done

# Every stop of every command, and the tests with processes at length.
crash:
	SECRETS_CRASH=full $(GO) test -tags $(TAGS) -run TestCrash -v -timeout 60m ./internal/cli
soak:
	SECRETS_SOAK=1 $(GO) test -tags $(TAGS) -timeout 60m .

# The Claude Code plugin: its manifests and hooks in the real program, which is
# about 230 MB and is left in CLAUDE_DIR. It asks a model of the test's own.
CLAUDE_DIR ?= $(CURDIR)/dist/claude
plugin-claude:
	npm install --silent --no-audit --no-fund --prefix '$(CLAUDE_DIR)' @anthropic-ai/claude-code
	SECRETS_CLAUDE='$(CLAUDE_DIR)/node_modules/.bin/claude' $(GO) test -tags $(TAGS) -count 1 -run 'TestThePluginInClaudeCode' -v .

bench:
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem ./...

# The whole story in a throw-away store.
demo: build
	@testdata/demo.sh ./secrets

# The manual page, from what help says.
man: build
	./secrets man >secrets.1

install: build
	mkdir -p '$(GOBIN)'
	install -m 0755 secrets '$(GOBIN)/secrets'

# The OpenClaw plugin: its types, and its tests against stubs and the real command.
plugin-openclaw: build
	cd plugins/openclaw && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	cd plugins/openclaw && SECRETS_BIN='$(CURDIR)/secrets' npm test --silent

# The same with OpenClaw itself, which is 800 MB to download the first time.
plugin-openclaw-full: build
	plugins/openclaw/validate.sh '$(CURDIR)/secrets'

check: build test lint race tidy

clean:
	rm -f secrets cover.out
