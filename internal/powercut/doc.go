// Package powercut holds no code, only tests of the buffer on disk that need a
// real file system of their own, in an image file that is mounted: power cuts, and
// what the flash is given to write. scripts/powercut.sh and scripts/flash.sh run
// them; they need Linux, root, mkfs.ext4 and a loop device, and are skipped
// otherwise.
package powercut
