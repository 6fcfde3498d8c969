package model

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/rivulet-iot/rivulet/record"
)

// Replaces checks that what is rendered from the model may take the place of what was
// rendered from an earlier one, given its document ([Model.JSON]): the table is the
// same one, of the same stream, in the same bucket and of the same kind, and may only
// have got more columns. The error is an [*Error] that names
// everything that stands against it, or says why the document cannot be read.
func (m *Model) Replaces(earlier []byte) error {
	var was struct {
		Format   int               `json:"format"`
		Database string            `json:"database"`
		Table    string            `json:"table"`
		Stream   string            `json:"stream"`
		Bucket   string            `json:"bucket"`
		Sink     string            `json:"sink"`
		Schemas  []json.RawMessage `json:"schemas"`
		Columns  []Column          `json:"columns"`
	}
	if err := json.Unmarshal(earlier, &was); err != nil {
		return fmt.Errorf("the earlier model: %w", err)
	}
	if was.Format != format {
		return fmt.Errorf("the earlier model has format %d, not %d: it is of another version of rivulet", was.Format, format)
	}
	var bad Error
	if was.Database != m.Database() || was.Table != m.Table() {
		bad.add("project, schemas", m.Database()+"."+m.Table(), "the table was "+was.Database+"."+was.Table+
			", and what is stored does not move; render another table to another directory")
		return &bad
	}
	same := func(field, old, now, why string) {
		if old != now {
			bad.add(field, strconv.Quote(now), "it was "+strconv.Quote(old)+", and "+why+"; render another project to another directory")
		}
	}
	same("stream.name", was.Stream, m.Stream.Name, "the job's checkpoint is of that stream")
	same("lake.bucket", was.Bucket, m.Lake.Bucket, "what is stored does not move")
	same("job.sink", was.Sink, m.Job.Sink, "what is stored as that is not in the other table")
	columns := map[string]Column{}
	for _, c := range m.Columns {
		columns[c.Name] = c
	}
	for _, old := range was.Columns {
		c, there := columns[old.Name]
		switch {
		case !there:
			bad.add("schemas", old.Name, "the table has this column and would lose it; keep the field, not required, or the registry's column")
		case c.Type != old.Type:
			bad.add("schemas", old.Name, "the table has this column as "+old.Type+", it would become "+c.Type+"; give the new one another name")
		case c.Unit != old.Unit:
			bad.add("records.units", old.Name, "the table has this column in "+strconv.Quote(old.Unit)+", it would be in "+
				strconv.Quote(c.Unit)+" from now on; undo that, or give the field another name")
		}
	}
	for _, doc := range was.Schemas {
		old, err := record.ParseSchema(doc)
		if err != nil {
			return fmt.Errorf("the earlier model: %w", err)
		}
		for _, s := range m.Versions {
			if s.Ref() == old.Ref() && s.Fingerprint() != old.Fingerprint() {
				bad.add("schemas", s.Ref(), "it was rendered with other fields, and devices may have it; undo that, and give the new fields a new version")
			}
		}
	}
	if len(bad.Fields) > 0 {
		return &bad
	}
	return nil
}
