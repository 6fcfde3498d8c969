# Sourced by powercut.sh and flash.sh, with the beginning of a name: makes a
# directory of that name for internal/powercut to mount images in, and removes it,
# unmounting what is left, however the script ends.
POWERCUT_DIR=$(mktemp -d "$1.XXXXXX")
export POWERCUT_DIR
cleanup() {
	grep -o " $POWERCUT_DIR/[^ ]*" /proc/mounts | while read -r mount; do
		umount --lazy "$mount"
	done || true
	rm -rf "$POWERCUT_DIR"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
