package compress

// The range coder turns decisions into bits, at a cost of about -log2 of how
// probable each one was. Probabilities are learnt as it goes, the same way by
// encoder and decoder, so that no tables are sent: what pays in a frame of a few
// records. It is the carry-propagating coder of LZMA with a rate of learning that
// falls with each decision. docs/columnar.md has it in full.

// bit is what is known of one kind of decision: in the upper half the probability
// of a 0, in 65536ths, in the lower half how many decisions it was learnt from.
type bit uint32

const newBit bit = 1 << 31

// learnt is after how many decisions a bit stops learning more slowly.
const learnt = 60

// rates are how far a bit moves towards the decision that was made, in 65536ths,
// by how many it has seen: 1/(n+1.5).
var rates = func() (r [64]uint32) { // one for each n that six bits can have: no check of bounds
	for n := range r {
		r[n] = 2 * 65536 / uint32(2*n+3)
	}
	return r
}()

// bound returns where a range of that size is divided: a 0 takes what is below.
func (b bit) bound(size uint32) uint32 { return size >> 12 * (uint32(b>>20) | 1) }

func (b *bit) update(decision uint32) {
	n, p := uint32(*b&63), uint32(*b>>16)
	if decision == 0 {
		p += (65536 - p) * rates[n] >> 16
	} else {
		p -= p * rates[n] >> 16
	}
	if n < learnt {
		n++
	}
	*b = bit(p<<16 | n)
}

const minRange = 1 << 24

// rangeEncoder appends to out.
type rangeEncoder struct {
	out     []byte
	from    int    // where in out it began
	low     uint64 // below 2^33
	size    uint32
	held    byte // the last byte, which a carry may still change
	pending int  // bytes FF behind it
	begun   bool // held is one of ours
}

func (e *rangeEncoder) start(out []byte) {
	*e = rangeEncoder{out: out, from: len(out), size: 1<<32 - 1}
}

func (e *rangeEncoder) bit(b *bit, decision uint32) {
	bound := b.bound(e.size)
	if decision == 0 {
		e.size = bound
	} else {
		e.low += uint64(bound)
		e.size -= bound
	}
	b.update(decision)
	for e.size < minRange {
		e.size <<= 8
		e.shift()
	}
}

// tree writes the n lowest bits of v, highest first, each by the bit of t that those
// before it lead to, from 1.
func (e *rangeEncoder) tree(t []bit, v uint64, n int) {
	low, size := e.low, e.size // in registers
	for node := 1; n > 0; {
		n--
		decision := uint32(v>>n) & 1
		b := &t[node]
		bound := b.bound(size)
		if decision == 0 {
			size = bound
		} else {
			low += uint64(bound)
			size -= bound
		}
		b.update(decision)
		if size < minRange {
			for e.low = low; size < minRange; size <<= 8 {
				e.shift()
			}
			low = e.low
		}
		node = node<<1 | int(decision)
	}
	e.low, e.size = low, size
}

// bits writes the n lowest bits of v, n at most 64, each value as probable as the other.
func (e *rangeEncoder) bits(v uint64, n int) {
	for n > 0 {
		k := min(n, 16)
		n -= k
		e.size >>= k
		e.low += uint64(e.size) * (v >> n & (1<<k - 1))
		for e.size < minRange {
			e.size <<= 8
			e.shift()
		}
	}
}

// shift moves the highest byte of low out, once no carry can change it.
func (e *rangeEncoder) shift() {
	if e.low < 0xff000000 || e.low > 0xffffffff {
		carry := byte(e.low >> 32)
		if e.begun { // the byte before the first could only be 0
			e.out = append(e.out, e.held+carry)
		}
		for ; e.pending > 0; e.pending-- {
			e.out = append(e.out, 0xff+carry)
		}
		e.held, e.begun = byte(e.low>>24), true
	} else {
		e.pending++
	}
	e.low = e.low << 8 & 0xffffffff
}

// finish writes what is left, with the fewest bytes that tell it: a decoder takes
// those behind the end to be 0, and zeros at the end are left out.
func (e *rangeEncoder) finish() []byte {
	for k := 32; k > 0; k-- {
		if v := (e.low + 1<<k - 1) &^ (1<<k - 1); v < e.low+uint64(e.size) {
			e.low = v
			break
		}
	}
	for range 5 {
		e.shift()
	}
	end := len(e.out)
	for end > e.from && e.out[end-1] == 0 {
		end--
	}
	return e.out[:end]
}

// rangeDecoder reads what a rangeEncoder wrote.
type rangeDecoder struct {
	in   []byte
	at   int // may be beyond the end: zeros were left out
	code uint32
	size uint32
}

func (d *rangeDecoder) start(in []byte) {
	*d = rangeDecoder{in: in, size: 1<<32 - 1}
	for range 4 {
		d.next()
	}
}

func (d *rangeDecoder) next() {
	d.code <<= 8
	if d.at < len(d.in) {
		d.code |= uint32(d.in[d.at])
	}
	d.at++
}

func (d *rangeDecoder) bit(b *bit) (decision uint32) {
	bound := b.bound(d.size)
	if d.code < bound {
		d.size = bound
	} else {
		d.code -= bound
		d.size -= bound
		decision = 1
	}
	b.update(decision)
	for d.size < minRange {
		d.size <<= 8
		d.next()
	}
	return decision
}

// tree reads n bits as rangeEncoder.tree wrote them, behind a 1.
func (d *rangeDecoder) tree(t []bit, n int) uint64 {
	node := uint64(1)
	for range n {
		node = node<<1 | uint64(d.bit(&t[node]))
	}
	return node
}

// choice reads n bits as rangeEncoder.tree wrote them.
func (d *rangeDecoder) choice(t []bit, n int) uint64 { return d.tree(t, n) - 1<<n }

func (d *rangeDecoder) bits(n int) (v uint64) {
	for n > 0 {
		k := min(n, 16)
		n -= k
		d.size >>= k
		part := d.code / d.size
		d.code -= part * d.size
		v = v<<k | uint64(part&(1<<k-1))
		for d.size < minRange {
			d.size <<= 8
			d.next()
		}
	}
	return v
}
