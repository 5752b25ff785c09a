# Everything here needs Go (see go.mod for the version) and nothing else;
# `make test` says what more it needs, and installs it where it may.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X keyreeve/internal/cli.release=$(VERSION)

# Stamping asks git, which refuses a checkout that another user owns.
export GOFLAGS := $(GOFLAGS) -buildvcs=false
export GO

.PHONY: build test race demo fuzz bench docs clean need-go

build: need-go
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/keyreeve ./cmd/keyreeve
	ln -sf keyreeve bin/kr

test: need-go
	test/run/tools
	test/run/lint
	$(MAKE) --no-print-directory build
	@echo '== peers: the programs that keyreeve is compared with, built once'
	$(GO) test -timeout 60m ./test/peers
	@echo '== tests'
	$(GO) test -timeout 30m ./...
	test/run/fuzz 5s
	test/run/readme

race: need-go
	CGO_ENABLED=1 $(GO) test -race -timeout 60m ./...

demo: build
	bin/keyreeve demo

fuzz: need-go
	test/run/fuzz 30s

bench: build
	$(GO) run ./bench -into docs/performance.md

docs: need-go
	$(GO) test ./test/docs -run TestReference -update

clean:
	rm -rf bin

need-go:
	@command -v $(GO) >/dev/null || { echo 'Go is missing; install it from https://go.dev/dl/ (go.mod names the version).' >&2; exit 1; }
