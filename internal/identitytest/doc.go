// Package identitytest holds ids to their promise: none is ever given twice, whatever
// becomes of the directories of buffers. It has tests only: histories of devices whose
// directories are wiped, restored, copied, cut off from power, and lost.
package identitytest
