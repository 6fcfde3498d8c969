package model

import "github.com/rivulet-iot/rivulet/record"

// Model is what every renderer works from: the options, with defaults filled in, and
// the schema. It is made by [New] and not changed after.
type Model struct {
	Options
	Versions []*record.Schema // of the schema, oldest first
	Columns  []Column         // of the table, without those of its partitions: year, month and day
}

// Newest returns the newest version of the schema.
func (m *Model) Newest() *record.Schema { return m.Versions[len(m.Versions)-1] }
