package retry_test

import (
	"context"
	"fmt"

	"github.com/rivulet-iot/rivulet/retry"
)

func Example() {
	buf, err := retry.NewMemory(retry.Options{MaxBytes: 1 << 20, Overflow: retry.Reject})
	if err != nil {
		panic(err)
	}
	for _, s := range []string{"one", "two", "three"} {
		if _, err := buf.Append(context.Background(), "pi-7f3a", []byte(s)); err != nil {
			panic(err)
		}
	}
	for _, e := range buf.Next(1 << 10) { // leased: still in the log
		fmt.Println(e.Seq, string(e.Data))
	}
	buf.Ack(1, 2, retry.Delivered)
	l := buf.Ledger()
	fmt.Println(l.Put, "put,", l.Delivered, "delivered,", l.Pending, "pending")

	fmt.Println(retry.Lookup("KMSDisabledException").Class)
	// Output:
	// 1 one
	// 2 two
	// 3 three
	// 3 put, 2 delivered, 1 pending
	// pause
}
