package vfs_test

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Is a file that was written and synced still there after a power cut? Only if
// its directory was synced too.
func ExampleCrash() {
	disk := vfs.NewCrash()
	survives := func() (yes, no int) {
		for state := range disk.Point().States(1000, 1) {
			if infos, err := state.ReadDir("."); err == nil && len(infos) == 1 && infos[0].Size == 5 {
				yes++
			} else {
				no++
			}
		}
		return yes, no
	}

	f, err := disk.Open("log", vfs.Create)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = f.WriteAt([]byte("hello"), 0)
	fmt.Println(survives())
	fmt.Println(f.Sync())
	fmt.Println(survives())
	fmt.Println(disk.SyncDir("."))
	fmt.Println(survives())
	// Output:
	// 2 2
	// <nil>
	// 1 1
	// <nil>
	// 1 0
}

// Fail each call of a workload in turn.
func ExampleFault() {
	work := func(fsys vfs.FS) error { return vfs.WriteFile(fsys, "FORMAT", []byte("1")) }
	count := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
	fmt.Println(work(count), count.Calls())
	for k := 1; k <= count.Calls(); k++ {
		fsys := vfs.NewFault(vfs.NewCrash(), vfs.Plan{Call: k})
		err := work(fsys)
		fmt.Println(fsys.Hits(), err != nil)
	}
	// Output:
	// <nil> 6
	// [1: remove FORMAT.tmp] true
	// [2: create FORMAT.tmp] true
	// [3: write FORMAT.tmp 0+1] true
	// [4: sync FORMAT.tmp] true
	// [5: rename FORMAT.tmp to FORMAT] true
	// [6: syncdir .] true
}
