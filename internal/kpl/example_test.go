package kpl_test

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/internal/kpl"
)

func Example() {
	const limit = 25 << 10 // one PUT payload unit
	var b kpl.Builder
	for _, data := range []string{"21.5", "21.6", "21.8"} {
		u := kpl.UserRecord{PartitionKey: "pi-7f3a", Data: []byte(data)}
		if b.SizeWith(u) > limit {
			break // send what there is, Reset, go on
		}
		if err := b.Add(u); err != nil {
			fmt.Println(err)
			return
		}
	}
	data := b.AppendTo(nil)
	fmt.Println(b.Len(), "records,", len(data), "bytes; aggregate:", kpl.Looks(data))

	records, err := kpl.Parse(data, kpl.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, u := range records {
		fmt.Printf("%s: %s\n", u.PartitionKey, u.Data)
	}

	data[10] ^= 1 // one bit, flipped on the way
	_, err = kpl.Parse(data, kpl.Limits{})
	fmt.Println(err)
	// Output:
	// 3 records, 59 bytes; aggregate: true
	// pi-7f3a: 21.5
	// pi-7f3a: 21.6
	// pi-7f3a: 21.8
	// kpl: MD5 mismatch at offset 43: data is damaged, or no aggregate
}
