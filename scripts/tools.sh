#!/usr/bin/env bash
# Builds the lint tools that tools/go.mod pins into .tools/bin, for the machine
# it runs on. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/../tools"
mkdir -p ../.tools/bin
env -u GOOS -u GOARCH -u GOARM go build -o ../.tools/bin/ tool
