#!/usr/bin/env bash
# Cuts the power of a mounted ext4 while the buffer on disk is written to, again and
# again, and looks for what was reported as stored: internal/powercut. Needs
# root, mkfs.ext4 and a loop device; without, it says so and fails.
#
#   scripts/powercut.sh [CUTS]   default 24
#
# POWERCUT_DIR is where the image goes, default a new directory in TMPDIR. On XFS or
# btrfs the image is cloned in the middle of writes; elsewhere the process is
# stopped while it is copied.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/image-dir.sh "${POWERCUT_DIR:-${TMPDIR:-/tmp}}/powercut"

echo "+ go test -run TestPowerCut ./internal/powercut, ${1:-24} cuts"
POWERCUT=${1:-24} go test -count=1 -timeout 3h -run '^TestPowerCut$' -v ./internal/powercut
