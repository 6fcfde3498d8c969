package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"sync"

	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// tally hears of every record's end, and of what is safe on disk: it writes the
// events and counts by shard.
type tally struct {
	// Deliveries and what is spooled come from different goroutines, and each line
	// must be one write: who kills the program then has whole lines and at most one
	// half.
	writing sync.Mutex
	out     *json.Encoder // nil without -events

	mu     sync.Mutex
	shards map[string]uint64 // records delivered to each
}

// event is a line of -events: that records of one device and boot, first to
// last, have reached a level or were lost.
type event struct {
	Event  string    `json:"event"`
	Device string    `json:"device"`
	Boot   string    `json:"boot"`
	Seq    [2]uint64 `json:"seq"`
	Reason string    `json:"reason,omitempty"`
}

func (t *tally) init(events bool, out io.Writer) {
	t.shards = map[string]uint64{}
	if events {
		t.out = jsonEncoder(out)
	}
}

// jsonEncoder returns an encoder of JSON that a terminal may show: its values are
// as they are, but no character is one that a terminal obeys.
func jsonEncoder(out io.Writer) *json.Encoder {
	e := json.NewEncoder(escaped{out})
	e.SetEscapeHTML(false)
	return e
}

// escaped is a writer of JSON.
type escaped struct{ to io.Writer }

func (w escaped) Write(p []byte) (int, error) {
	if _, err := w.to.Write(term.EscapeJSON(nil, p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// delivery is the producer's OnDelivery; calls are serial.
func (t *tally) delivery(d producer.Delivery) {
	e := event{Event: retry.Delivered.String()}
	var lost *producer.LostError
	switch {
	case d.Err == nil:
		t.mu.Lock()
		t.shards[d.Shard] += d.Records()
		t.mu.Unlock()
	case errors.As(d.Err, &lost):
		e.Event = lost.Outcome.String()
		if lost.Reason != nil {
			e.Reason = lost.Reason.Error()
		}
	}
	for _, r := range d.IDs {
		e.Device, e.Boot, e.Seq = r.Device, record.FormatBoot(r.Boot), [2]uint64{r.First, r.Last}
		t.write(&e)
	}
}

// spooled is the disk's OnSpooled; calls are serial.
func (t *tally) spooled(ranges []retry.Range) {
	for _, r := range ranges {
		t.write(&event{Event: "spooled", Device: r.Device, Boot: record.FormatBoot(r.Boot), Seq: [2]uint64{r.First, r.Last}})
	}
}

func (t *tally) write(e *event) {
	t.writing.Lock()
	defer t.writing.Unlock()
	if t.out != nil {
		_ = t.out.Encode(e) // who reads the events may be gone; the records go on
	}
}

// byShard returns how many records were delivered to each shard.
func (t *tally) byShard() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.shards)
}
