// Package record declares what a device says: schemas, records, and the two
// forms a record takes, a compact binary row (on the device) and record JSON
// (everywhere else).
//
// Start with [SchemaOf], which reads a schema off a tagged struct, or with
// [NewSchema], which takes the fields as data when they are only known at run
// time. A schema validates each record and encodes it as a row:
//
//	type Env struct {
//		Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85" doc:"air, indoors"`
//		Motion      bool    `rivulet:"motion"`
//	}
//	schema, err := record.SchemaOf[Env]("env", 1)
//
// A [Record] is the dynamic form, for gateways that relay what they do not
// know. It needs no schema: its readings then carry their names with them.
//
// # Record JSON
//
// One record is one JSON object on one line; members that are empty are left out:
//
//	{"device_id":"pi-7f3a","boot":"9f3c1e7a55d20b86","seq":4211,"ts":"2026-11-22T21:40:01.123Z",
//	 "schema":"env/1","meta":{"site":"north"},"readings":{"temperature":21.5,"motion":false}}
//
// Nothing is lost on the way through it: a float is written with the fewest
// digits that read back to the same 64 bits and always with a point or an
// exponent, an int never with one, so the kinds survive without a schema. Time
// is kept to the millisecond. NaN and the infinities have no place in JSON and
// are refused by validation; leave the reading out instead.
//
// # Compatibility
//
// Rows are written to flash and read by later versions: their layout (row.go)
// only grows, by new form bytes.
package record
