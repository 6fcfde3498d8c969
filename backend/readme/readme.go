package readme

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/record"
)

//go:embed readme.md.tmpl
var source string

// In the template, [[ and ]] are the marks, since shell and JMESPath have many braces.
var page = template.Must(template.New("README.md").Delims("[[", "]]").Funcs(template.FuncMap{"sh": sh, "json": oneLine}).Parse(source))

// Readme returns README.md.
func Readme(m *model.Model) ([]byte, error) {
	template, err := stack.CloudFormation(m)
	if err != nil {
		return nil, fmt.Errorf("readme: %w", err)
	}
	v := view{
		Large: len(template) > direct,
		Model: m, Names: stack.NamesOf(m), Iceberg: m.Job.Sink == "iceberg", Data: stack.DataPrefix(m),
		DPU: float64(m.Job.MaxWorkers) * dpus[m.Job.WorkerType], Sample: sample(m.Newest()),
	}
	v.Month = v.DPU * dpuHour * 730
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("readme: %w", err)
	}
	return b.Bytes(), nil
}

// dpus are the data processing units of a worker, and dpuHour is what one of them costs an
// hour in US East, in dollars, on Glue up to 5.1: https://aws.amazon.com/glue/pricing/
var dpus = map[string]float64{"G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}

const dpuHour = 0.44

// direct is how large a template may be that is part of the request, in bytes:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const direct = 51200

type view struct {
	*model.Model
	Names   stack.Names
	Iceberg bool
	Large   bool           // the template does not go to CloudFormation directly
	Data    string         // prefix of the table
	DPU     float64        // of all workers
	Month   float64        // dollars for them, if all of them always run
	Sample  map[string]any // a record that the job stores
}

// Latest returns the name of the view with the newest records.
func (v view) Latest() string { return v.Table() + "_latest" }

// sh has what is only known when the backend is deployed as the variables that the README sets.
func sh(name string) string {
	return strings.NewReplacer(stack.Account, "$ACCOUNT", stack.Region, "$AWS_REGION").Replace(name)
}

// oneLine writes JSON for between single quotes in a shell.
func oneLine(value any) (string, error) {
	b, err := json.Marshal(value)
	return strings.ReplaceAll(string(b), "'", `\u0027`), err
}

// sample returns a record of a schema with its required readings, or the first one if
// none is. It has no time, so it gets that of its arrival.
func sample(s *record.Schema) map[string]any {
	readings := map[string]any{}
	for _, f := range s.Fields() {
		if f.Required {
			readings[f.Name] = value(f)
		}
	}
	if len(readings) == 0 {
		f := s.Fields()[0]
		readings[f.Name] = value(f)
	}
	return map[string]any{"device_id": "try-1", "boot": record.FormatBoot(1), "seq": 1, "schema": s.Ref(), "readings": readings}
}

// value returns one that a field may have.
func value(f record.Field) any {
	switch f.Kind {
	case record.Bool:
		return true
	case record.String:
		return "text"
	}
	low, high := 0.0, 0.0
	switch {
	case f.Min != nil && f.Max != nil:
		low, high = *f.Min, *f.Max
	case f.Min != nil:
		low, high = *f.Min, *f.Min
	case f.Max != nil:
		low, high = *f.Max, *f.Max
	}
	if f.Kind == record.Int {
		return int64(low)
	}
	text := strconv.FormatFloat(low+(high-low)/2, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0" // or it would be an int
	}
	return json.RawMessage(text)
}
