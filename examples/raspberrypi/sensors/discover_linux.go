package sensors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The groups of sources, in the order a Set lists them.
const (
	groupOneWire = iota
	groupIIO
	groupThermal
	groupHwmon
	groupPower
	groupBoard
	groupSystem
	groupNet
)

// Discover finds the sensors of this machine. root is the directory that holds sys
// and proc: "" or "/" for the real one, another to look at a tree of files made for
// a test. It reads names and labels only, so a slow or broken sensor does not delay
// it: it is listed, and [Set.Read] says what is wrong with it.
//
// The error says that root can't be read, or that nothing was found in it.
func Discover(root string) (*Set, error) {
	if root == "" {
		root = "/"
	}
	if _, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("sensors: root: %w", err)
	}
	t := tree(root)
	var all []found
	for _, look := range []func(tree) []found{
		oneWire, iioDevices, thermalZones, hwmonChips, powerSupplies,
		boardAlarms, procFigures, disk, netCounters,
	} {
		all = append(all, look(t)...)
	}
	s, err := newSet(all)
	if errors.Is(err, errNone) {
		return nil, fmt.Errorf("sensors: nothing to read below %s (are sys and proc mounted?)", root)
	}
	return s, err
}

// tree is the directory that holds sys and proc.
type tree string

// path joins a path below the tree.
func (t tree) path(elem ...string) string {
	return filepath.Join(append([]string{string(t)}, elem...)...)
}
