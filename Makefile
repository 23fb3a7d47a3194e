# SPDX-License-Identifier: Apache-2.0
# A thin door: the build itself is meson (meson.build).
BUILD ?= build
PREFIX ?= /usr/local
V ?=

.PHONY: all demo check lint install bench deps clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(if $(V),-v)

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) --prefix=$(PREFIX) >/dev/null

deps:
	@tools/install-deps build

demo: all
	@tools/install-deps demo
	@tools/demo $(BUILD)/cairn

check: all
	@tools/install-deps check
	@tests/run $(BUILD)

bench: all
	@tools/bench $(BUILD)/cairn

install: all
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD) install

lint: all
	@tools/lint-tidy $(BUILD)

clean:
	@rm -rf $(BUILD)
