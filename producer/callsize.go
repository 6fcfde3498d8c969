package producer

import "time"

// callSize learns how many bytes of payload a call may carry over this link. A
// link that is too slow for a call of one size within the timeout takes a smaller
// one, and so does a proxy with a limit of its own; without learning that, every try
// would be bytes paid for nothing.
type callSize struct {
	call    int // what the next call may carry
	ceiling int // what it may grow to
	most    int // what a call carries over a good link
	steady  int // calls in a row that worked at the ceiling

	taken    int           // the most that was answered since a call was too large
	limit    int           // the least that was too large; 0: nothing was, lately
	forget   time.Time     // when a larger call is tried again
	patience time.Duration // of the next such limit
}

const (
	// probeBytes is what a call carries after several have failed: enough to see
	// whether the link works.
	probeBytes = 4 << 10
	// steadyCalls have to work before a ceiling is raised.
	steadyCalls = 8
	// A limit on the size of calls is believed for so long, doubled each time that it
	// is met again.
	leastPatience, mostPatience = time.Minute, time.Hour
)

func newCallSize(most int) callSize { return callSize{call: most, ceiling: most, most: most} }

// worked is told of every call that was answered, and of the bytes that it carried.
func (c *callSize) worked(now time.Time, sent int) {
	most := c.most
	if c.limit > 0 {
		c.taken = max(c.taken, min(sent, c.limit-1))
		if now.Before(c.forget) {
			most = min(most, c.between())
		} else {
			c.limit = 0
		}
	}
	switch {
	case c.call < c.ceiling:
		c.call = min(c.call*2, c.ceiling)
	case c.ceiling < most:
		if c.steady++; c.steady == steadyCalls {
			c.steady, c.ceiling = 0, min(c.ceiling/2*3, most)
			c.call = c.ceiling
		}
	}
}

// between is the size to try next below the limit: halfway to what was taken, until
// that is near.
func (c *callSize) between() int {
	if c.limit-c.taken <= c.limit/8 {
		return max(c.taken, probeBytes)
	}
	return max(c.taken+(c.limit-c.taken)/2, probeBytes)
}

// timedOut is told of a call that carried sent bytes and got no answer.
func (c *callSize) timedOut(sent int) {
	c.ceiling = max(min(sent, c.call)/2, probeBytes)
	c.call, c.steady = c.ceiling, 0
}

// tooLarge is told of a call of sent bytes that was refused for its size.
func (c *callSize) tooLarge(now time.Time, sent int) {
	c.limit = sent
	if c.taken >= sent { // the limit has come down
		c.taken = 0
	}
	c.patience = min(max(2*c.patience, leastPatience), mostPatience)
	c.forget = now.Add(c.patience)
	c.ceiling = c.between()
	c.call, c.steady = c.ceiling, 0
}

// failed is told when calls fail in a row.
func (c *callSize) failed() { c.call, c.steady = min(c.call, probeBytes), 0 }
