package retry_test

import (
	"context"
	"fmt"
	"os"

	"github.com/rivulet-iot/rivulet/retry"
)

func Example() {
	buf, err := retry.NewMemory(retry.Options{MaxBytes: 1 << 20, Overflow: retry.Reject})
	if err != nil {
		panic(err)
	}
	for _, s := range []string{"one", "two", "three"} {
		if _, _, err := buf.Append(context.Background(), "pi-7f3a", []byte(s)); err != nil {
			panic(err)
		}
	}
	for _, e := range buf.Next(1 << 10) { // leased: still in the log
		fmt.Println(e.Seq, string(e.Data))
	}
	buf.Ack(1, 2, retry.Delivered)
	l := buf.Ledger()
	fmt.Println(l.Put, "put,", l.Delivered, "delivered,", l.Pending, "pending")

	// Output:
	// 1 one
	// 2 two
	// 3 three
	// 3 put, 2 delivered, 1 pending
}

// A buffer on disk comes back after the process has ended, however it did.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "spool")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()
	ctx := context.Background()

	buf, err := retry.Open(dir, retry.Options{MaxBytes: 16 << 20})
	check(err)
	boot, _, err := buf.Append(ctx, "pi-1", []byte("21.5"))
	check(err)
	check(buf.Sync(ctx)) // it is on stable storage
	check(buf.Close())

	buf, err = retry.Open(dir, retry.Options{MaxBytes: 16 << 20})
	check(err)
	for _, e := range buf.Next(64 << 10) {
		fmt.Println(e.Device, e.Seq, string(e.Data), "boot as before:", e.Boot == boot)
		buf.Ack(e.Index, e.Index, retry.Delivered)
	}
	check(buf.Close())
	// Output: pi-1 1 21.5 boot as before: true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
