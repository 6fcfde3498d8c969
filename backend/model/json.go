package model

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/rivulet-iot/rivulet/record"
)

// format is the number of the model document's format.
const format = 1

// document is model.json: all that the job knows of the options and the schema.
type document struct {
	Format           int              `json:"format"`
	Project          string           `json:"project"`
	Database         string           `json:"database"`
	Table            string           `json:"table"`
	Stream           string           `json:"stream"`
	Bucket           string           `json:"bucket"` // "": named when it is deployed
	WindowSeconds    int              `json:"window_seconds"`
	Sink             string           `json:"sink"`
	StartingPosition string           `json:"starting_position"`
	Schemas          []*record.Schema `json:"schemas"` // oldest first
	Columns          []Column         `json:"columns"`
	Records          documentRecords  `json:"records"`
	Registry         documentRegistry `json:"registry"`
	Prefixes         documentPrefixes `json:"prefixes"`
}

type documentRecords struct {
	WithoutSchema   string `json:"without_schema"`
	UnknownFields   string `json:"unknown_fields"`
	MaxAgeDays      int    `json:"max_age_days"`
	MaxAheadMinutes int    `json:"max_ahead_minutes"`
	DedupDays       int    `json:"dedup_days"`
	EarliestArrival string `json:"earliest_arrival"`
}

type documentRegistry struct {
	Columns []string `json:"columns"`
}

type documentPrefixes struct {
	Curated     string `json:"curated"`
	Iceberg     string `json:"iceberg"`
	DeadLetters string `json:"dead_letters"`
	Replay      string `json:"replay"`
	Checkpoints string `json:"checkpoints"`
	Ledger      string `json:"ledger"`
	Registry    string `json:"registry"` // the file
}

// JSON returns the model document, model.json: what the job and the Lambda function
// are given. The same model always gives the same bytes.
func (m *Model) JSON() []byte { return bytes.Clone(m.json) }

// marshal writes the model document.
func (m *Model) marshal() ([]byte, error) {
	r := m.Records
	doc := document{
		Format: format, Project: m.Project, Database: m.Database(), Table: m.Table(), Stream: m.Stream.Name, Bucket: m.Lake.Bucket,
		WindowSeconds: m.Job.WindowSeconds, Sink: m.Job.Sink, StartingPosition: "TRIM_HORIZON",
		Schemas: m.Versions, Columns: m.Columns,
		Records:  documentRecords{r.WithoutSchema, r.UnknownFields, r.MaxAgeDays, r.MaxAheadMinutes, r.DedupDays, fmt.Sprintf("%d-01-01", earliestArrival)},
		Registry: documentRegistry{append([]string{}, m.Registry.Columns...)},
		Prefixes: documentPrefixes{Curated, Iceberg, DeadLetters, Replay, Checkpoints, Ledger, RegistryFile},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(doc)
	return b.Bytes(), err
}
