# make test   check and test everything; builds the real sops and age once
# make fuzz   fuzz every target for 30 s

PACKAGES = $(shell go list ./...)

.PHONY: test lint
test: lint
	go test $(PACKAGES)

lint:
	@command -v go >/dev/null || { echo "make: Go 1.26 or newer is needed: https://go.dev/dl"; exit 1; }
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	go vet $(PACKAGES)
