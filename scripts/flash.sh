#!/usr/bin/env bash
# Prints what a block device is given to write for a record, by ext4 on an image:
# internal/powercut. Needs root, mkfs.ext4 and a loop device; without, it says so
# and fails.
#
#   scripts/flash.sh [SECONDS]   also put a record a second for so long; default 60
set -euo pipefail
cd "$(dirname "$0")/.."

POWERCUT_DIR=$(mktemp -d "${TMPDIR:-/tmp}/flash.XXXXXX")
export POWERCUT_DIR
cleanup() {
	grep -o " $POWERCUT_DIR/[^ ]*" /proc/mounts | while read -r mount; do
		umount --lazy "$mount"
	done || true
	rm -rf "$POWERCUT_DIR"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "+ go test -run TestFlash ./internal/powercut"
FLASH=${1:-60} go test -count=1 -run '^TestFlash$' -v ./internal/powercut
