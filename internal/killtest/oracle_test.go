package killtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/record"
)

// oracle compares what the agent said with what is in the streams. It holds the
// agent to more than the issue of the day: the buffer drops nothing by itself
// (-replay waits when it is full), so of each device and boot the streams must
// show records 1, 2, 3, ... without a gap, as far as they go, and what an earlier
// run took must come before what a later one did.
type oracle struct {
	runs    []fed
	runOf   map[uint64]int    // by boot
	top     map[origin]uint64 // the sequence numbers 1 to this are in the streams
	claimed map[origin]uint64 // and to this the agent has said so, or that it will be so
	newest  map[string]uint64 // by device: the number fed last of those in the streams

	records, duplicates int
	late                map[int]int // by run: records that a later run brought
	decoder             decode.Decoder
}

// fed is what the feeder knows of a run: the numbers from first to below next.
type fed struct {
	first, next uint64
	pad         int
	mode        string
	boot        uint64 // 0: not known yet
	least       int    // how many of its records must not be lost
}

type origin struct {
	device string
	boot   uint64
}

func newOracle() *oracle {
	return &oracle{runOf: map[uint64]int{}, top: map[origin]uint64{}, claimed: map[origin]uint64{}, newest: map[string]uint64{}, late: map[int]int{}}
}

type event struct {
	Event  string
	Device string
	Boot   string
	Seq    [2]uint64
	Reason string
}

// bind notes that a boot is of a run: no other boot is, nor is the boot another's.
func (o *oracle) bind(boot uint64, run int) error {
	other, known := o.runOf[boot]
	switch {
	case known && other != run:
		return fmt.Errorf("boot %s is of run %d and of run %d", record.FormatBoot(boot), other, run)
	case o.runs[run].boot != 0 && o.runs[run].boot != boot:
		return fmt.Errorf("run %d has boots %s and %s", run, record.FormatBoot(o.runs[run].boot), record.FormatBoot(boot))
	}
	o.runOf[boot], o.runs[run].boot = run, boot
	return nil
}

// said takes the event lines of the run that was fed last, once what it sent has
// been seen by sent.
func (o *oracle) said(lines []string) error {
	for _, l := range lines {
		var e event
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			return fmt.Errorf("event %s: %w", l, err)
		}
		boot, err := record.ParseBoot(e.Boot)
		from := origin{e.Device, boot}
		if err != nil || e.Seq[0] < 1 || e.Seq[1] < e.Seq[0] || boot == 0 || e.Device == "" {
			return fmt.Errorf("event %s makes no sense", l)
		}
		switch e.Event {
		case "spooled":
			if err := o.bind(boot, len(o.runs)-1); err != nil {
				return fmt.Errorf("event %s: %w", l, err)
			}
			o.claimed[from] = max(o.claimed[from], e.Seq[1])
		case "delivered":
			if o.top[from] < e.Seq[1] {
				return fmt.Errorf("event %s: of these the stream has only those up to %d", l, o.top[from])
			}
		default:
			return fmt.Errorf("the agent gave records up: %s", l)
		}
	}
	return nil
}

// sent takes one Kinesis record, in the order of its shard.
func (o *oracle) sent(data []byte, key string) error {
	return o.decoder.Decode(data, key, func(it decode.Item) error {
		if it.Kind != decode.Record {
			return fmt.Errorf("a user record is %s: %w", it.Kind, cmp.Or(it.Err, errors.New("never put")))
		}
		return o.record(it.Record)
	})
}

func (o *oracle) record(r *record.Record) error {
	o.records++
	v, ok := r.Get("n")
	if !ok || v.Kind() != record.Int || r.ID.Seq < 1 || r.ID.Boot < 1 {
		return fmt.Errorf("record %s was never put: %.300s", r.ID, record.AppendJSON(nil, r))
	}
	n := uint64(v.Int())
	run := len(o.runs) - 1
	for run >= 0 && (n < o.runs[run].first || n >= o.runs[run].next) {
		run--
	}
	if run < 0 {
		return fmt.Errorf("record %s was never put: number %d was not fed", r.ID, n)
	}
	if err := o.bind(r.ID.Boot, run); err != nil {
		return fmt.Errorf("record %s, number %d: %w", r.ID, n, err)
	}
	if err := check(r, n, o.runs[run].pad); err != nil {
		return err
	}
	// Devices take turns, so a device's sequence number says which record it is: an
	// id that stands for two would be wrong for one of them.
	if seq := (n-o.runs[run].first)/devices + 1; r.ID.Seq != seq {
		return fmt.Errorf("record %s holds number %d, which is that device's record %d of the run", r.ID, n, seq)
	}
	from := origin{r.ID.Device, r.ID.Boot}
	switch top := o.top[from]; {
	case r.ID.Seq <= top:
		o.duplicates++
		return nil
	case r.ID.Seq > top+1:
		return fmt.Errorf("record %s comes after %d: one between them is lost, or late", r.ID, top)
	}
	if newest, any := o.newest[r.ID.Device]; any && n <= newest {
		return fmt.Errorf("record %s, number %d, comes after number %d", r.ID, n, newest)
	}
	o.top[from], o.newest[r.ID.Device] = r.ID.Seq, n
	if run < len(o.runs)-1 {
		o.late[run]++
	}
	return nil
}

// end is called when all that the agent kept must be in the streams.
func (o *oracle) end() error {
	var errs []error
	for from, seq := range o.claimed {
		if o.top[from] < seq {
			errs = append(errs, fmt.Errorf("of device %s, boot %s, the agent spooled records up to %d; only those up to %d came", from.device, record.FormatBoot(from.boot), seq, o.top[from]))
		}
	}
	for i, r := range o.runs {
		if n := o.arrived(i); n < r.least {
			errs = append(errs, fmt.Errorf("run %d, sync %s: %d records came, at least %d were written", i, r.mode, n, r.least))
		}
	}
	return errors.Join(errs...)
}

// arrived is how many records of a run are in the streams.
func (o *oracle) arrived(run int) (n int) {
	for d := range uint64(devices) {
		n += int(o.top[origin{deviceID(d), o.runs[run].boot}])
	}
	return n
}

// The oracle must see each way in which an agent can be wrong.
func TestOracle(t *testing.T) {
	type step = func(*oracle) error
	run := func(first, next uint64, least int) step {
		return func(o *oracle) error {
			o.runs = append(o.runs, fed{first: first, next: next, pad: 9, mode: "group", least: least})
			return nil
		}
	}
	say := func(name string, device int, boot uint64, a, b uint64) step {
		return func(o *oracle) error {
			return o.said([]string{fmt.Sprintf(`{"event":%q,"device":"pi-%d","boot":%q,"seq":[%d,%d]}`, name, device, record.FormatBoot(boot), a, b)})
		}
	}
	send := func(boot uint64, seq, n uint64, change ...string) step {
		return func(o *oracle) error {
			r, err := record.ParseJSON([]byte(line(n, 9)))
			require.NoError(t, err)
			r.ID.Boot, r.ID.Seq = boot, seq
			data := string(record.AppendJSON(nil, &r))
			for i := 0; i+1 < len(change); i += 2 {
				data = replaceOnce(t, data, change[i], change[i+1])
			}
			return o.sent([]byte(data), "k")
		}
	}
	two := []step{run(0, 100, 0), send(1, 1, 0), send(1, 2, 4), run(100, 200, 0)}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"good":            {append(two, say("spooled", 0, 2, 1, 1), send(1, 2, 4), send(1, 3, 8), send(2, 1, 100), say("delivered", 0, 1, 2, 3), say("delivered", 0, 2, 1, 1)), ""},
		"spooled, lost":   {[]step{run(0, 100, 0), say("spooled", 1, 5, 1, 2), send(5, 1, 1)}, "spooled records up to 2; only those up to 1 came"},
		"delivered, lost": {append(two, send(2, 1, 100), say("delivered", 0, 2, 1, 2)), "the stream has only those up to 1"},
		"less than least": {[]step{run(0, 100, 3), send(1, 1, 0), send(1, 2, 4)}, "2 records came, at least 3 were written"},
		"a gap":           {append(two, send(1, 4, 12)), "lost, or late"},
		"out of order":    {append(two, send(2, 1, 100), send(1, 3, 8)), "comes after number 100"},
		"never fed":       {append(two, send(2, 51, 200)), "number 200 was not fed"},
		"changed":         {append(two, send(1, 3, 8, `"on":false`, `"on":true`)), "is not what was fed"},
		"another device":  {append(two, send(1, 3, 8, `pi-0`, `pi-1`)), "is not what was fed"},
		"not ours":        {append(two, send(1, 3, 8, `"n":8,`, ``)), "never put"},
		"damaged":         {append(two, send(1, 3, 8, `}`, ``)), "a user record is damaged"},
		"id used twice":   {append(two, send(1, 2, 8)), "record 3 of the run"},
		"boot used twice": {append(two, send(1, 1, 100)), "boot 0000000000000001 is of run 0 and of run 1"},
		"the same, said":  {append(two, say("spooled", 0, 1, 3, 3)), "boot 0000000000000001 is of run 0 and of run 1"},
		"two boots":       {append(two, send(2, 1, 100), send(3, 1, 101)), "run 1 has boots 0000000000000002 and 0000000000000003"},
		"boot unknown":    {append(two, say("spooled", 0, 0, 1, 1)), "makes no sense"},
		"gave up":         {append(two, say("evicted", 0, 1, 1, 1)), "the agent gave records up"},
		"nonsense":        {append(two, say("delivered", 0, 1, 2, 1)), "makes no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOracle()
			var err error
			for _, s := range c.steps {
				if err = s(o); err != nil {
					break
				}
			}
			if err == nil {
				err = o.end()
			}
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, 1, o.duplicates)
				require.Equal(t, map[int]int{0: 1}, o.late)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func replaceOnce(t *testing.T, s, old, new string) string {
	t.Helper()
	i := len(s) - len(old)
	for i >= 0 && s[i:i+len(old)] != old {
		i--
	}
	require.GreaterOrEqual(t, i, 0, "%s is not in %s", strconv.Quote(old), s)
	return s[:i] + new + s[i+len(old):]
}
