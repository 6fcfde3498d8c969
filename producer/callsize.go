package producer

// callSize learns how many bytes of payload a call may carry over this link. A
// link that is too slow for a call of one size within the timeout takes a smaller
// one; without learning that, every try would be bytes paid for nothing, of an
// outcome that nobody knows.
type callSize struct {
	call    int // what the next call may carry
	ceiling int // what it may grow to: half of what timed out last
	most    int // what a call carries over a good link
	steady  int // calls in a row that worked at the ceiling
}

const (
	// probeBytes is what a call carries after several have failed: enough to see
	// whether the link works.
	probeBytes = 4 << 10
	// steadyCalls have to work before a ceiling is raised.
	steadyCalls = 8
)

func newCallSize(most int) callSize { return callSize{call: most, ceiling: most, most: most} }

// worked is told of every call that was answered.
func (c *callSize) worked() {
	switch {
	case c.call < c.ceiling:
		c.call = min(c.call*2, c.ceiling)
	case c.ceiling < c.most:
		if c.steady++; c.steady == steadyCalls {
			c.steady, c.ceiling = 0, min(c.ceiling/2*3, c.most)
			c.call = c.ceiling
		}
	}
}

// timedOut is told of a call that carried sent bytes and got no answer.
func (c *callSize) timedOut(sent int) {
	c.ceiling = max(min(sent, c.call)/2, probeBytes)
	c.call, c.steady = c.ceiling, 0
}

// failed is told when calls fail in a row.
func (c *callSize) failed() { c.call, c.steady = min(c.call, probeBytes), 0 }
