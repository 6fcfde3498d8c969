package retry

import (
	"context"
	"errors"
	"fmt"
)

// Buffer is a bounded log of entries with one consumer. Append, Span, Ledger,
// Sync and Sweep are safe for concurrent use; Next, Ack, Return and Seek belong to
// the one consumer. [Memory] is one form; every form passes the same test suite.
//
// An entry is pending from Append to its end, and while it is pending it is either
// free or leased. Next leases free entries; Ack ends leased ones and Return makes
// them free again, each in any order. What is leased is neither evicted nor
// expires; what is free may at any time.
type Buffer interface {
	// Append copies data to the end of the log as an entry of device. It returns
	// the entry's id: the boot, 64 random bits that this opening drew, and the
	// sequence number, which counts from 1 without gaps for each device and boot.
	// An id is given out once, whatever becomes of the directory. All devices have
	// the same boot until there are more of them than the buffer can number at
	// once: see MaxDevices. When the log is full it does what the overflow policy
	// says, of which only Block waits, until ctx is done. With DropOldest it is
	// never full, unless the entry does not fit beside what is leased. A form on
	// disk also waits while entries come faster than the disk takes them, for up
	// to 10 s, and with SyncAlways until they are durable. Errors: ErrFull, ErrClosed,
	// ErrTooLarge, ErrTooManyDevices or ctx's, and then nothing was appended.
	Append(ctx context.Context, device string, data []byte) (boot, seq uint64, err error)

	// Next leases free entries from the read place on, in order, until their data,
	// with EntryOverhead for each, reaches maxBytes, and moves the read place
	// behind them. It passes over what is leased or finished. One entry is returned
	// however large it is. There are fewer, or none, when more would lease parts of
	// more than half of the log: the log is kept in pieces, of at most a sixteenth
	// of it, and one with a leased entry cannot be evicted. If nothing is leased at
	// all, Next returns one entry, if there is any from the read place on. The
	// slice is valid until the next call of Next or Close, an entry's data as long
	// as it is leased.
	//
	// A form on disk returns none while the disk cannot be read: those that Span
	// and Ledger speak of come later. When a disk could not be read at first and
	// now can, its entries come before all others: once nothing is leased, the read
	// place moves back to them by itself, and Span begins with them.
	Next(maxBytes int) []Entry

	// Ack finishes those of the entries first to last that are leased, and leaves
	// the others alone.
	Ack(first, last uint64, o Outcome)

	// Return makes those of the entries first to last free that are leased. It does not
	// move the read place: Next gives them again after a Seek. To take back all
	// leases and start over is Return(0, math.MaxUint64) and Seek(0).
	Return(first, last uint64)

	// Seek moves the read place: Next goes on with the first free entry whose index is
	// index or higher. An index beyond the end is the end. Leases stay.
	Seek(index uint64)

	// Span returns the index of the oldest unfinished entry, leased or not, and the
	// index that the next one appended will get. They are equal when nothing is
	// pending.
	Span() (first, next uint64)

	// Define makes a document known that entries refer to (a schema), by an id that
	// stands for its content: a second one of that id changes nothing. What is put
	// later may refer to all that were defined since the buffer was opened; these
	// are kept until it is closed, and on disk as long as entries are there that
	// may refer to them. Definitions returns those and all that are still kept from
	// before.
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
	Boot   uint64 // as Append returned it
	Seq    uint64 // the same
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

// Loss is a run of entries of one device and boot that ended without being
// delivered. Of entries so damaged that not even their ids can be read, Device is
// empty, Boot is 0 and Last is how many they are.
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

// Balanced reports whether the ledger adds up. It always does.
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

// MaxDevices is how many devices can have unfinished entries in memory at once.
// Each takes 112 bytes and its name while it has; all of them may take a quarter of
// Options.MaxBytes, or, of a form on disk, half of Options.MaxMemory beside it. One
// more is refused with ErrTooManyDevices. On disk those do not count whose entries
// are written, and one more has the others written first: so there is no such limit
// while the disk works.
//
// A device keeps its boot while the buffer has a slot for it. Slots are
// taken from devices without unfinished entries in memory only when there are no
// others; one of these that comes back counts from 1 again, with a boot that
// was not used before.
const MaxDevices = 10_000
