package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/machine"
	"github.com/rivulet-iot/rivulet/producer"
)

// figures are the result of a run; as JSON they are the last line of -json.
// Counts are of records unless the name says otherwise.
type figures struct {
	// put + recovered = delivered + pending + expired + evicted + rejected + corrupt.
	Put       uint64 `json:"put"`
	Recovered uint64 `json:"recovered"` // found in the spool: put by earlier runs
	Delivered uint64 `json:"delivered"`
	Pending   uint64 `json:"pending"`
	Expired   uint64 `json:"expired"`
	Evicted   uint64 `json:"evicted"`
	Rejected  uint64 `json:"rejected"`
	Corrupt   uint64 `json:"corrupt"`

	Spool      string `json:"spool,omitempty"` // its directory
	Spooled    uint64 `json:"spooled"`         // made durable by this run
	FlashBytes uint64 `json:"flash_bytes"`     // written to the disk, cursors and padding included
	Fsyncs     uint64 `json:"fsyncs"`
	Degraded   bool   `json:"degraded"` // the disk could not be used at the end

	DuplicatesSent uint64 `json:"duplicates_sent"`
	Requests       uint64 `json:"requests"`          // calls of PutRecords
	KinesisRecords uint64 `json:"kinesis_records"`   // entries that Kinesis stored
	UserRecords    uint64 `json:"user_records"`      // frames in them
	PayloadBytes   uint64 `json:"payload_bytes"`     // data of the entries
	PayloadUnits   uint64 `json:"put_payload_units"` // of 25 KB
	JSONBytes      uint64 `json:"json_bytes"`        // of what was put, as record JSON lines
	WireBytesUp    uint64 `json:"wire_bytes_up"`     // on the socket, TLS included
	WireBytesDown  uint64 `json:"wire_bytes_down"`

	// Of this process until all was sent: with the embedded server, if any, but
	// without reading it back.
	PeakRSSBytes int64   `json:"peak_rss_bytes"`
	CPUSeconds   float64 `json:"cpu_seconds"`
	Seconds      float64 `json:"duration_seconds"` // likewise

	Verified uint64 `json:"verified"` // read back from the embedded stream, equal; distinct
	Embedded bool   `json:"embedded"`

	Refused     uint64 `json:"refused"`   // records that were not accepted
	BadLines    int    `json:"bad_lines"` // lines that are no records, or were refused
	Interrupted bool   `json:"interrupted"`

	Device string `json:"device"`
	Stream string `json:"stream"`
	Codec  string `json:"codec"`
	Wire   string `json:"wire"`
	TLS    string `json:"tls"`
	Key    string `json:"key"`

	State  string `json:"state"` // of the stream when sending ended
	Code   string `json:"code,omitempty"`
	Advice string `json:"advice,omitempty"`

	Shards  map[string]uint64 `json:"shards"` // records delivered to each
	Sensors []sensorFigure    `json:"sensors,omitempty"`
	Error   string            `json:"error,omitempty"` // why the exit code is 1

	atEnd   producer.Stats // before what was left was given up
	closing error          // of the spool
	check   check
}

type sensorFigure struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Value any    `json:"value"` // the last one; null if it was never read
	Error string `json:"error,omitempty"`
}

// take fills everything in that does not need reading back.
func (f *figures) take(a *agent) {
	s := a.producer.Stats()
	f.Put, f.Recovered, f.Delivered, f.Pending = s.Put, s.Recovered, s.Delivered, s.Pending
	if a.spool != nil {
		f.takeSpool(a)
	}
	f.Expired, f.Evicted, f.Rejected, f.Corrupt = s.Expired, s.Evicted, s.Rejected, s.Corrupt
	f.DuplicatesSent, f.Requests, f.KinesisRecords, f.UserRecords = s.DuplicatesSent, s.Requests, s.KinesisRecords, s.UserRecords
	f.PayloadBytes, f.PayloadUnits, f.JSONBytes = s.PayloadBytes, s.PayloadUnits, a.jsonBytes
	f.WireBytesUp, f.WireBytesDown = s.SocketBytesUp, s.SocketBytesDown
	f.PeakRSSBytes, f.CPUSeconds = machine.PeakRSS(), machine.CPUTime().Seconds()
	f.Seconds = time.Since(a.began).Seconds()
	f.Embedded = a.embedded != nil
	f.BadLines = a.badLines
	f.Refused = uint64(a.refused)
	f.Device, f.Stream, f.Codec, f.Wire, f.TLS, f.Key = a.device, a.stream, a.codec.Name(), a.wireName, a.tlsName, a.key.String()
	if f.Embedded {
		f.Stream = embeddedStream
	}
	f.State, f.Code, f.Advice = f.atEnd.State.String(), f.atEnd.Code, f.atEnd.Advice
	f.Shards = a.tally.byShard()
	if a.sensors == nil {
		return
	}
	for i, x := range a.sensors.list {
		v := a.sensors.last[i]
		s := sensorFigure{Name: x.Name, Unit: x.Unit}
		switch val := value(x.Kind, v); {
		case v.Err != nil:
			s.Error = v.Err.Error()
		case !a.sensors.read:
		default:
			s.Value = plain(val)
		}
		f.Sensors = append(f.Sensors, s)
	}
}

// problems are the reasons for exit code 1, the most important first: what is
// missing, why, and what to do.
func (f *figures) problems(a *agent) (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if f.check.err != nil {
		add("read back, the stream is not what was put: %v", f.check.err)
	}
	if f.lost() > 0 {
		add("%s", f.missing(a.drain))
	}
	if a.readError != nil {
		add("the replay could not be read to its end: %v", a.readError)
	}
	if f.BadLines > 0 {
		add("%d line(s) of %s were not sent, for the reasons above; correct them and send them alone", f.BadLines, a.replayFile)
	}
	if f.Refused > 0 {
		add("%d record(s) were refused, for the reason above", f.Refused)
	}
	return all
}

// all is how many records this run had to do with.
func (f *figures) all() uint64 { return f.Put + f.Recovered }

// lost is how many of them are neither delivered nor in the spool.
func (f *figures) lost() uint64 { return f.all() - f.Delivered - f.Pending }

// missing says in a sentence what is lost, and what to do.
func (f *figures) missing(drain time.Duration) string {
	s := fmt.Sprintf("%d of %d records were not delivered:", f.lost(), f.all())
	sep := " "
	add := func(n uint64, format string, args ...any) {
		if n > 0 {
			s += sep + fmt.Sprintf("%d ", n) + fmt.Sprintf(format, args...)
			sep = ", "
		}
	}
	end := &f.atEnd
	unsent := f.lost() - f.Expired - end.Evicted - f.Rejected - f.Corrupt
	where, age := "buffer in memory", ""
	if f.Spool != "" {
		where, age = "spool", " (-spool-age)"
	}
	if f.Spool == "" {
		add(unsent, "not yet sent after %v of waiting (-drain)", drain)
	} else {
		add(unsent, "not yet sent after %v of waiting (-drain) and not kept, because %s could not be written to (%v)", drain, f.Spool, f.closing)
	}
	add(end.Evicted, "dropped, the oldest, because the %s was full", where)
	add(f.Expired, "too old%s", age)
	add(f.Rejected, "rejected by Kinesis for what they are")
	add(f.Corrupt, "unreadable in the buffer")
	switch {
	case f.Code != "":
		s += fmt.Sprintf("; stream %s is %s (%s). %s", f.Stream, f.State, f.Code, f.Advice)
	case unsent > 0:
		s += fmt.Sprintf("; stream %s is %s, so give it more time with a longer -drain.", f.Stream, f.State)
	default:
		s += "."
	}
	return s
}

// shardIDs returns the shards that took records, in order.
func (f *figures) shardIDs() []string { return slices.Sorted(maps.Keys(f.Shards)) }
