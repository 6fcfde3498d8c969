package killtest

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

// devices is how many devices' records are fed, in turn.
const devices = 4

var epoch = time.UnixMilli(1_780_000_000_000).UTC()

// line returns record number n, as a line of record JSON. All of it follows from
// n and pad, so whoever reads it back can tell what it must be.
func line(n uint64, pad int) string {
	return fmt.Sprintf(`{"device_id":"pi-%d","ts":%q,"readings":{"n":%d,"x":%s,"on":%t,"pad":%q}}`+"\n", n%devices,
		epoch.Add(time.Duration(n)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"), n, strconv.FormatFloat(reading(n), 'g', -1, 64), n%3 == 0, padding(n, pad))
}

// reading is a number with a full mantissa, and none is whole.
func reading(n uint64) float64 { return math.Sqrt(float64(n)) + 0.1 }

func padding(n uint64, length int) string {
	word := strconv.FormatUint(n*0x9e3779b97f4a7c15, 36)
	return strings.Repeat(word, length/len(word)+1)[:length]
}

// check tells whether r is record number n of the line above.
func check(r *record.Record, n uint64, pad int) error {
	want := []record.Reading{{Name: "n", Value: record.IntValue(int64(n))}, {Name: "x", Value: record.FloatValue(reading(n))},
		{Name: "on", Value: record.BoolValue(n%3 == 0)}, {Name: "pad", Value: record.StringValue(padding(n, pad))}}
	ok := r.ID.Device == deviceID(n) && r.Time.Equal(epoch.Add(time.Duration(n)*time.Millisecond)) &&
		r.Schema == "" && len(r.Meta) == 0 && len(r.Readings) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = r.Readings[i] == want[i]
	}
	if !ok {
		return fmt.Errorf("record %s is not what was fed as number %d: %.300s", r.ID, n, record.AppendJSON(nil, r))
	}
	return nil
}

func deviceID(n uint64) string { return "pi-" + strconv.FormatUint(n%devices, 10) }

// feeder writes records to the stdin of the agent until it is told to stop or
// nobody reads any more.
type feeder struct {
	first, next uint64 // numbers; next is after the last one of which a byte was written
	pad         int
	whole       int           // lines written to their ends
	target      int           // of whole, at which reached is closed
	stopAt      int           // of whole, at which stdin is closed; 0: never
	reached     chan struct{} // stdin has taken target lines
	closed      chan struct{} // stdin is closed, because of stopAt
	done        chan struct{} // the feeder has ended
}

func (f *feeder) run(stdin io.WriteCloser) {
	defer close(f.done)
	defer stdin.Close()
	for f.stopAt == 0 || f.whole < f.stopAt {
		n := f.next
		f.next++
		if _, err := io.WriteString(stdin, line(n, f.pad)); err != nil {
			return
		}
		if f.whole++; f.whole == f.target {
			close(f.reached)
		}
	}
	_ = stdin.Close()
	close(f.closed)
}
