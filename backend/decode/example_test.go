package decode_test

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/backend/decode"
)

func Example() {
	// What a consumer gets: the data and the partition key of Kinesis records.
	arrived := []struct{ data, key string }{
		{`{"device_id":"pi","boot":"9f3c1e7a55d20b86","seq":1,"readings":{"temperature":21.5}}` + "\n" +
			`{"device_id":"pi","boot":"9f3c1e7a55d20b86","seq":2,"readings":{"temperature":21.6}}`, "pi"},
		{`{"device_id":"pi","boot":"9f3c1e7a55d20b86","seq":2,"readings":{"temperature":21.6}}`, "pi"}, // sent again
		{"21.7;ok", "legacy"},
		{"\x28\xb5\x2f\xfd", "pi"},
	}
	var dec decode.Decoder
	var dedup decode.Dedup
	for _, a := range arrived {
		err := dec.Decode([]byte(a.data), a.key, func(it decode.Item) error {
			switch it.Kind {
			case decode.Record:
				if dedup.Seen(it.Record.ID) {
					fmt.Println("duplicate", it.Record.ID)
					return nil
				}
				t, _ := it.Record.Get("temperature")
				fmt.Println("record", it.Record.ID, t)
			case decode.Opaque:
				fmt.Printf("opaque %q of %s\n", it.Data, it.PartitionKey)
			case decode.Damaged:
				fmt.Printf("dead letter % x: %v\n", it.Data, it.Err)
			}
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
	// Output:
	// record pi/9f3c1e7a55d20b86/1 21.5
	// record pi/9f3c1e7a55d20b86/2 21.6
	// duplicate pi/9f3c1e7a55d20b86/2
	// opaque "21.7;ok" of legacy
	// dead letter 28 b5 2f fd: user record 0 with key "pi": compress: damaged frame: line 1: unexpected EOF
}
