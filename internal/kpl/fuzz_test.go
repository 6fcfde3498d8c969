package kpl

import (
	"errors"
	"reflect"
	"testing"
)

// FuzzParse feeds Parse the input as it is, and as the body of an aggregate
// with a good MD5. Nothing panics; what parses is encoded again, in as many
// aggregates as the mixing rule needs, and parses to the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(keyK + recHi))
	f.Add(seal([]byte(keyK + recHi)))
	for _, tc := range badBodies {
		f.Add([]byte(tc.body))
	}
	f.Add([]byte("\x12\x017\x0A\x01k\x1A\x08\x08\x00\x10\x00\x1A\x02hi" + recHi))
	f.Fuzz(func(t *testing.T, input []byte) {
		for _, data := range [][]byte{input, seal(input)} {
			records, err := Parse(data, Limits{})
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) || records != nil {
					t.Fatalf("%v, %v", records, err)
				}
				continue
			}
			if !Looks(data) {
				t.Fatal("parses, but does not look like an aggregate")
			}
			var again []UserRecord
			var b Builder
			flush := func() {
				if b.Len() == 0 {
					return
				}
				part, err := Parse(b.AppendTo(nil), Limits{})
				if err != nil {
					t.Fatal(err)
				}
				again = append(again, part...)
				b.Reset()
			}
			for _, u := range records {
				size := b.SizeWith(u)
				if err := b.Add(u); err != nil {
					flush()
					size = b.SizeWith(u)
					if err := b.Add(u); err != nil {
						t.Fatal(err)
					}
				}
				if b.Size() != size {
					t.Fatalf("SizeWith %d, Size %d", size, b.Size())
				}
			}
			flush()
			if len(records) != len(again) || len(records) > 0 && !reflect.DeepEqual(records, again) {
				t.Fatalf("%v became %v", records, again)
			}
		}
	})
}
