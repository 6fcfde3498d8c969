package producer

import "time"

// hunt looks for the records that Kinesis refuses for themselves. A call that is
// refused is tried again with half of its records, until one is refused alone: that is a
// suspect. Suspects go back to the buffer, without a lease, and are passed over until
// something was stored after their refusal; then they are tried again, and a record that
// is refused alone once more is rejected. Nothing else rejects. While nothing is stored,
// the fault may be in every call (a wrong endpoint, a proxy in between), and whatever is
// refused only becomes a suspect.
type hunt struct {
	rows   int      // most records of a call; 0: as many as fit
	fresh  indexSet // suspects since something was stored last
	proven indexSet // suspects from before: the next refusal alone is the end of one

	until time.Time // suspects alone, or in lanes that wait, are not tried before
	tries int       // refusals in a row, nothing stored between
	since time.Time // of the first of them
	turn  uint64    // where the next suspect to try is, while there is nothing else; 0: try all
}

// refused narrows the hunt after a call, or an entry of one, of that many records was
// refused.
func (h *hunt) refused(now time.Time, records int) {
	if h.tries == 0 {
		h.since = now
	}
	h.tries++
	h.rows = max(records/2, 1)
}

// stored is told that Kinesis stored something.
func (h *hunt) stored() {
	h.tries, h.turn, h.until = 0, 0, time.Time{}
	if len(h.fresh.runs) > 0 {
		h.proven.add(h.fresh.runs)
		h.fresh = indexSet{}
	}
	if h.rows *= 4; h.rows > huntEnds {
		h.rows = 0
	}
}

// huntEnds is how many records of a call are no bound any more.
const huntEnds = 1 << 12

// later reports whether it is too early to look for suspects.
func (h *hunt) later(now time.Time) bool { return h.until.After(now) }

// suspects reports whether there are any.
func (h *hunt) suspects() bool { return len(h.fresh.runs)+len(h.proven.runs) > 0 }

// suspect reports whether the entry of that index is one.
func (h *hunt) suspect(index uint64) bool { return h.fresh.has(index) || h.proven.has(index) }

// end forgets entries that are finished.
func (h *hunt) end(runs []run) {
	h.fresh.remove(runs)
	h.proven.remove(runs)
}

// next returns the suspect to try while there is nothing else to send. They are tried all
// in one call first, then each alone in turn, then all again.
func (h *hunt) next() (index uint64, alone bool) {
	if h.turn > 0 {
		for _, r := range h.fresh.runs {
			if r.last >= h.turn {
				index = max(r.first, h.turn)
				h.turn = index + 1
				return index, true
			}
		}
	}
	h.turn = 1
	return 0, false
}
