# The verbs. Each recipe is a script that also runs by itself; `make help` lists them.
# With KUBECONFIG set nothing is started: everything runs against that cluster, and images go to IMAGE_REGISTRY.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
sky-cluster := tests/cluster/sky-cluster

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: demo
demo: ## all the set-up, then the main job step by step; leaves the cluster up
	@tests/demo/demo

.PHONY: test test-long
test: ## everything that decides; ends with one line `N passed, N failed`
	@tests/run/test
test-long: ## the same, with the tests that take long
	@tests/run/test --long

.PHONY: packages
packages: ## install the Debian packages that are missing
	@tests/run/packages

.PHONY: cluster down
cluster: packages ## start the embedded cluster (nothing if it is up)
	@$(if $(KUBECONFIG),echo "KUBECONFIG is set: using that cluster",$(sky-cluster) up)
down: ## stop and remove the embedded cluster
	@$(if $(KUBECONFIG),echo "KUBECONFIG is set: that cluster is not ours to stop; see make uninstall",$(sky-cluster) down)

.PHONY: images test-images
images: ## build the product's image and bring it to the cluster (PROFILE=release: the real thing)
	@tests/run/images
test-images: ## build the images that tests and demo run, and load them
	@tests/run/test-images

.PHONY: install uninstall
install: ## apply config/default to the cluster and open a way to the gateway
	@tests/run/install
uninstall: ## remove the product from the cluster, with every task and volume of it
	@. tests/run/lib.sh && kubectl delete -k config/default --ignore-not-found

.PHONY: lint generate check-generated
lint: ## formats and lints of Rust, Go and shell
	@tests/run/lint
generate: ## write the resource definitions, config/ and docs/cli.md from their sources
	@tests/run/generate
check-generated: ## fail if a generated file is out of date
	@tests/run/check-generated

.PHONY: clean
clean: ## remove what was built in this clone (caches shared by clones stay, in ~/.cache/skytask)
	@cargo clean && rm -rf target
