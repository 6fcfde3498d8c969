package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rivulet-iot/rivulet/backend"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/python"
)

// trial is what try prints.
type trial struct {
	Table       string            `json:"table"` // database.table
	Lines       int               `json:"lines"` // of the input, without empty ones
	Stored      int               `json:"stored"`
	Duplicates  int               `json:"duplicates"`       // not stored: their id is that of another
	Corrected   int               `json:"clocks_corrected"` // stored with the time of arrival, as their own is too far from it
	DeadLetters int               `json:"dead_letters"`
	Reasons     map[string]int    `json:"reasons"` // of dead letters
	Partitions  []trialPartition  `json:"partitions"`
	Columns     []trialColumn     `json:"columns"`
	First       []json.RawMessage `json:"first"`   // rows
	Letters     []trialLetter     `json:"letters"` // the first dead letters
	Script      string            `json:"script,omitempty"`
	Lake        string            `json:"lake,omitempty"`
	Spark       string            `json:"spark"` // its version
	Seconds     float64           `json:"seconds"`
}

type trialPartition struct {
	Path string `json:"path"`
	Rows int    `json:"rows"`
}

type trialColumn struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Filled int     `json:"filled"` // rows that have a value
	Min    *string `json:"min"`
	Max    *string `json:"max"`
}

type trialLetter struct {
	Line   int     `json:"line"` // of the input, from 1
	Reason string  `json:"reason"`
	Detail string  `json:"detail"`
	Device *string `json:"device_id"`
}

func (c *backendTool) try() error {
	if c.input == "" {
		return usagef("which records? Give -input FILE")
	}
	m, err := backend.Load(c.options)
	if errors.Is(err, fs.ErrNotExist) && !exists(c.options) {
		return fmt.Errorf("%w; \"rivulet backend init\" writes one", err)
	}
	if err != nil {
		return err
	}
	// What may be missing is looked for before anything is written.
	in := io.NopCloser(c.in)
	if c.input != "-" {
		if in, err = os.Open(c.input); err != nil {
			return err
		}
	}
	defer in.Close()
	py, err := c.findPython()
	if err != nil {
		return err
	}
	dir := c.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "rivulet-try-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("-keep takes a directory that is not there yet: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil { // Spark has directories of its own
		return err
	}
	t := &trial{Table: m.Database() + "." + m.Table()}
	if t.Lines, err = c.stage(in, m, filepath.Join(dir, "rows")); err != nil {
		return err
	}
	if err := c.runTrial(py, m, dir, t); err != nil {
		return err
	}
	if c.keep == "" {
		t.Script, t.Lake = "", ""
	}
	if c.json {
		return c.object(t)
	}
	return c.printTrial(t)
}

// runTrial runs the job on Spark and reads what it says.
func (c *backendTool) runTrial(py string, m *model.Model, dir string, t *trial) error {
	script, err := python.Script(m)
	if err != nil {
		return err
	}
	runner, err := python.Trial()
	if err != nil {
		return err
	}
	t.Script, t.Lake = filepath.Join(dir, m.ScriptName()), filepath.Join(dir, "lake")
	program, result := filepath.Join(dir, "rivulet_try.py"), filepath.Join(dir, "result.json")
	err = errors.Join(os.WriteFile(t.Script, script, 0o644), os.WriteFile(program, runner, 0o644), os.Mkdir(t.Lake, 0o755))
	if err != nil {
		return err
	}
	batches, err := c.runSpark(py, filepath.Join(dir, "log.txt"), program, t.Script, filepath.Join(dir, "rows"), t.Lake, m.Table(), result)
	if err != nil {
		return err
	}
	for _, b := range batches {
		t.Duplicates += b.Duplicates
		t.Corrected += b.Corrected
	}
	var found struct {
		*trial
		Rows int `json:"rows"`
	}
	found.trial = t
	data, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(data, &found)
	}
	t.Stored = found.Rows
	return err
}

// sampleRow is a record of the stream as Spark's files have it.
type sampleRow struct {
	Data         []byte `json:"data"`
	Stream       string `json:"streamName"`
	PartitionKey string `json:"partitionKey"`
	Number       string `json:"sequenceNumber"` // of the line
	Arrival      string `json:"approximateArrivalTimestamp"`
	Shard        string `json:"shardId"`
}

// stage makes files for Spark of the lines of the input, and returns how many there
// were.
func (c *backendTool) stage(in io.Reader, m *model.Model, dir string) (lines int, err error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", c.input, err)
		}
		buffered = bufio.NewReaderSize(z, 1<<16)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, err
	}
	out, err := os.Create(filepath.Join(dir, "rows.json"))
	if err != nil {
		return 0, err
	}
	defer out.Close()
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	row := sampleRow{Stream: m.Stream.Name, PartitionKey: "try", Shard: "shardId-000000000000", Arrival: time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}
	for n := 1; ; n++ {
		line, err := buffered.ReadBytes('\n')
		if row.Data = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(row.Data)) > 0 {
			lines++
			row.Number = fmt.Sprint(n)
			if err := enc.Encode(row); err != nil {
				return 0, err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%s: line %d: %w", c.input, n, err)
		}
	}
	if lines == 0 {
		return 0, fmt.Errorf("%s: there is no record in it", c.input)
	}
	return lines, errors.Join(w.Flush(), out.Close())
}
