package producer

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// IDRange is a run of record ids of one device and boot: sequence numbers First
// to Last, inclusive.
type IDRange struct {
	Device      string
	Boot        uint64
	First, Last uint64
}

// Len returns how many records the range names.
func (r IDRange) Len() uint64 { return r.Last - r.First + 1 }

// String returns "device/boot/first-last".
func (r IDRange) String() string {
	return fmt.Sprintf("%s/%s/%d-%d", r.Device, record.FormatBoot(r.Boot), r.First, r.Last)
}

// Delivery is the end of one or more records: their arrival in the stream, or
// their loss.
type Delivery struct {
	IDs            []IDRange // which records; the slice is the callee's
	PartitionKey   string    // "" for losses that the buffer reports
	Shard          string    // "" unless delivered, as is SequenceNumber
	SequenceNumber string    // of the Kinesis record; others may share it
	Attempts       int       // calls that carried the records since they were last read from the buffer
	Err            error     // nil: the stream has them. Otherwise a *LostError
}

// Records returns how many records the delivery is about.
func (d Delivery) Records() uint64 {
	n := uint64(0)
	for _, r := range d.IDs {
		n += r.Len()
	}
	return n
}

// LostError says that records will not be delivered, which ones and why. After
// an attempt whose outcome is unknown the stream may hold some of them all the
// same.
type LostError struct {
	Outcome retry.Outcome // how the ledger counts them
	IDs     []IDRange     // which records
	Reason  error         // what Kinesis said of a rejected record; nil for the rest
}

// Error names the outcome, the number of records, the first ranges and the reason.
func (e *LostError) Error() string {
	n := Delivery{IDs: e.IDs}.Records()
	msg := fmt.Sprintf("producer: %d record(s) %s:", n, e.Outcome)
	for i, r := range e.IDs {
		if i == 4 {
			msg += fmt.Sprintf(" and %d more ranges", len(e.IDs)-i)
			break
		}
		msg += " " + r.String()
	}
	if e.Reason != nil {
		msg += ": " + e.Reason.Error()
	}
	return msg
}

// Unwrap returns the reason.
func (e *LostError) Unwrap() error { return e.Reason }

// ranges joins ids to ranges, as they come.
type ranges struct {
	list []IDRange
	last map[string]int // place in list of each device's newest range
}

func (r *ranges) add(id *record.ID) {
	i := len(r.list) - 1
	if i >= 0 && r.list[i].Device != id.Device {
		i = r.find(id.Device)
	}
	if i >= 0 && r.list[i].Last+1 == id.Seq && r.list[i].Boot == id.Boot {
		r.list[i].Last = id.Seq
		return
	}
	if r.last != nil {
		r.last[id.Device] = len(r.list)
	}
	r.list = append(r.list, IDRange{id.Device, id.Boot, id.Seq, id.Seq})
}

// find returns the place of the newest range of a device, -1 if it has none.
func (r *ranges) find(device string) int {
	if r.last == nil {
		r.last = make(map[string]int)
		for j := range r.list {
			r.last[r.list[j].Device] = j
		}
	}
	if j, ok := r.last[device]; ok {
		return j
	}
	return -1
}

// reportLosses reports the entries that the buffer itself dropped since the last time.
func (p *Producer) reportLosses() {
	losses := p.buf.Sweep()
	if len(losses) == 0 {
		return // as nearly always
	}
	byOutcome := map[retry.Outcome][]IDRange{}
	for _, l := range losses {
		byOutcome[l.Outcome] = append(byOutcome[l.Outcome], IDRange{l.Device, l.Boot, l.First, l.Last})
	}
	for _, o := range []retry.Outcome{retry.Expired, retry.Evicted, retry.Corrupt} {
		if ids := byOutcome[o]; len(ids) > 0 {
			p.reportLost(&LostError{Outcome: o, IDs: ids}, "", 0)
		}
	}
}

func (p *Producer) reportLost(err *LostError, key string, attempts int) {
	p.cfg.Logger.Warn("records lost", "error", failure.Clean(err))
	p.onDelivery(Delivery{IDs: slices.Clone(err.IDs), PartitionKey: key, Attempts: attempts, Err: err})
}

// onDelivery calls OnDelivery. A panic there is no reason to end the program, which would
// find the same records in its buffer, and the same panic, at each start.
func (p *Producer) onDelivery(d Delivery) {
	p.life.reporting.Store(true)
	defer func() {
		p.life.reporting.Store(false)
		if r := recover(); r != nil {
			p.cfg.Logger.Error("OnDelivery panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	p.cfg.OnDelivery(d)
}
