package retry

import (
	"context"
	"errors"
	"fmt"
)

// Buffer is a bounded log of entries with one consumer. Append, Span, Ledger,
// Sync and Sweep are safe for concurrent use; Next, Ack and Rewind belong to the
// one consumer. [Memory] is one form; every form passes the same test suite.
type Buffer interface {
	// Boot returns the number that, with the device and the sequence number,
	// names an entry for ever. It differs each time a buffer is opened.
	Boot() uint64

	// Append copies data to the end of the log as an entry of device and returns
	// its sequence number, which counts from 1 for each device. When the log is
	// full it does what the overflow policy says, of which only Block waits, until
	// ctx is done. A form on disk also waits while entries come faster than the disk
	// takes them, for up to 10 s, and with SyncAlways until they are durable. Errors: ErrFull, ErrClosed, ErrTooLarge, ErrTooManyDevices or ctx's,
	// and then nothing was appended.
	Append(ctx context.Context, device string, data []byte) (seq uint64, err error)

	// Next leases the oldest entries not leased yet, in order, until their data,
	// with EntryOverhead for each, reaches maxBytes; one entry is always returned
	// if there is any. The slice is valid until the next call of Next, Rewind or
	// Close, an entry's data as long as it is leased and not finished. A form on disk returns none while the
	// disk cannot be read: those that Span and Ledger speak of come later.
	Next(maxBytes int) []Entry

	// Ack finishes the leased entries first to last. Entries that are not leased
	// or already finished are left alone.
	Ack(first, last uint64, o Outcome)

	// Rewind takes back all leases.
	Rewind()

	// Span returns the index of the oldest unfinished entry, and the index that
	// the next one appended will get. They are equal when nothing is pending.
	Span() (first, next uint64)

	// Define keeps a document that entries refer to (a schema) for as long as
	// the log lives; Definitions returns all of them.
	Define(id uint64, doc []byte) error
	Definitions() map[uint64][]byte

	// Sync returns when all that was appended before is on stable storage or
	// finished; at once with ErrVolatile when the buffer has no storage, and with an
	// error that matches ErrDegraded or ErrFull while it cannot be written to.
	Sync(ctx context.Context) error

	// Sweep drops what is older than Options.MaxAge and returns the losses since
	// the last call, oldest first.
	Sweep() []Loss

	// Ledger returns the counts, all of the same instant.
	Ledger() Ledger

	// Close ends the buffer; blocked Appends return ErrClosed. What is still pending
	// is given up, as Evicted, by a form that cannot keep it.
	Close() error
}

// Entry is one entry of the log.
type Entry struct {
	Index  uint64 // its place in the log, from 1
	Device string // as given to Append
	Boot   uint64 // of the buffer when it was appended
	Seq    uint64 // of the device, from 1
	Data   []byte // the buffer's memory: not to be changed
}

// Outcome is how an entry ended.
type Outcome uint8

// The outcomes. Each entry has exactly one.
const (
	Delivered Outcome = iota // Kinesis gave it a sequence number
	Expired                  // it became older than the limit
	Evicted                  // it was dropped from a full log, or with a closed one
	Rejected                 // Kinesis refuses it for what it is; resending cannot help
	Corrupt                  // it can no longer be read
	outcomes
)

// String returns the outcome's name, such as "delivered".
func (o Outcome) String() string {
	if o < outcomes {
		return [...]string{"delivered", "expired", "evicted", "rejected", "corrupt"}[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Loss is a run of entries of one device that ended without being delivered. Of
// entries so damaged that not even their ids can be read, Device is empty and Last
// is how many they are.
type Loss struct {
	Outcome     Outcome // Expired, Evicted or Corrupt
	Device      string  // whose entries
	Boot        uint64  // and of which boot
	First, Last uint64  // sequence numbers, inclusive
}

// Ledger counts entries since the buffer was opened. At every instant
//
//	Put + Recovered = Pending + Delivered + Expired + Evicted + Rejected + Corrupt
//
// where Pending is counted by the log itself, not derived.
type Ledger struct {
	Put       uint64 // appended since the buffer was opened
	Recovered uint64 // found in it when it was opened
	Pending   uint64
	Delivered uint64
	Expired   uint64
	Evicted   uint64
	Rejected  uint64
	Corrupt   uint64
	Bytes     int64 // that the log takes now
	Limit     int64 // the ceiling of Bytes
}

// Balanced tells whether the ledger adds up. It always does.
func (l Ledger) Balanced() bool {
	return l.Put+l.Recovered == l.Pending+l.Delivered+l.Expired+l.Evicted+l.Rejected+l.Corrupt
}

func (l *Ledger) finish(o Outcome, n uint64) {
	l.Pending -= n
	switch o {
	case Delivered:
		l.Delivered += n
	case Expired:
		l.Expired += n
	case Evicted:
		l.Evicted += n
	case Rejected:
		l.Rejected += n
	default:
		l.Corrupt += n
	}
}

// Errors of Append and Sync.
var (
	ErrFull           = errors.New("retry: the buffer is full")
	ErrClosed         = errors.New("retry: the buffer is closed")
	ErrTooLarge       = errors.New("retry: the entry does not fit the buffer")
	ErrTooManyDevices = errors.New("retry: too many devices")
	ErrVolatile       = errors.New("retry: the buffer is in memory only")
	ErrDegraded       = errors.New("retry: the disk cannot be written, entries are kept in memory")
)

// EntryOverhead is what an entry costs a consumer in memory beside its data, in
// bytes: its place in a slice.
const EntryOverhead = 64

// MaxDevices is how many devices one buffer can number records for. A gateway
// with more needs more buffers.
const MaxDevices = 10_000
