#!/usr/bin/env bash
# Prints what a block device is given to write for a record, by ext4 on an image:
# internal/powercut. Needs root, mkfs.ext4 and a loop device; without, it says so
# and fails.
#
#   scripts/flash.sh [SECONDS]   also put a record a second for so long; default 60
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/image-dir.sh "${TMPDIR:-/tmp}/flash"

echo "+ go test -run TestFlash ./internal/powercut"
FLASH=${1:-60} go test -count=1 -run '^TestFlash$' -v ./internal/powercut
