package wire

import "errors"

// Header compression, RFC 7541. Go's encoder adds every field to the table that
// both ends keep, also those that change with each request, and the table, 4 KiB,
// drops its oldest entries: after six requests that is the session token, a
// kilobyte, which is then sent again. It cannot be told otherwise, but it can be
// told to keep no table; here its output gets one.

const (
	staticEntries = 61   // RFC 7541 appendix A
	tableSize     = 4096 // of a peer that does not say otherwise, RFC 9113 section 6.5.2
	entryOverhead = 32   // RFC 7541 section 4.1
	tooShort      = 6    // an encoding that an entry in the table is not worth
	longLived     = 400  // an encoding longer than any signature: a session token, good for many requests
)

var errHPACK = errors.New("wire: header block not as net/http writes it")

// headerTable is what the table of one connection is known to hold. Values are
// kept as they were encoded, so Huffman codes are copied and never read. The size
// of an entry, which is that of its text, is bounded from above, and all entries
// are forgotten before they can overflow. The peer drops them later, as it needs
// room; indexes count from the newest, so what it has besides does not matter.
type headerTable struct {
	limit    int
	resized  bool     // the peer has to be told of the limit
	referred bool     // the last block did refer to an entry
	entries  []header // the oldest first
	size     int      // bound
	last     map[string]string
}

// header is a field: its value as encoded, and its name likewise, or, if it is in
// the static table, the index there as one byte.
type header struct{ name, value string }

func newHeaderTable(limit int) headerTable {
	return headerTable{limit: limit, last: map[string]string{}}
}

// resize notes the size that the peer's table may have.
func (t *headerTable) resize(limit int) {
	if limit = min(limit, tableSize); limit != t.limit {
		*t = newHeaderTable(limit)
		t.resized = true
	}
}

// compress appends a block of an encoder without a table to dst.
func (t *headerTable) compress(dst, block []byte) ([]byte, error) {
	t.referred = false
	if t.resized {
		dst, t.resized = appendInt(dst, 0x20, 5, t.limit), false
	}
	for len(block) > 0 {
		switch b := block[0]; {
		case b&0x80 != 0: // in the static table as it is
			i, n := readInt(block, 7)
			if n == 0 || i == 0 || i > staticEntries {
				return nil, errHPACK
			}
			dst = append(dst, block[:n]...)
			block = block[n:]
		case b&0xe0 == 0x20: // the size of the table that the encoder does not use
			_, n := readInt(block, 5)
			if n == 0 {
				return nil, errHPACK
			}
			block = block[n:]
		case b&0xf0 == 0:
			i, n := readInt(block, 4)
			if n == 0 || i > staticEntries {
				return nil, errHPACK
			}
			block = block[n:]
			h := header{name: string([]byte{byte(i)})}
			if i == 0 {
				if n = stringLen(block); n == 0 {
					return nil, errHPACK
				}
				h.name, block = string(block[:n]), block[n:]
			}
			if n = stringLen(block); n == 0 {
				return nil, errHPACK
			}
			h.value, block = string(block[:n]), block[n:]
			dst = t.field(dst, h)
		default:
			return nil, errHPACK
		}
	}
	return dst, nil
}

// field appends one field, by reference if the table has it.
func (t *headerTable) field(dst []byte, h header) []byte {
	name := 0
	if len(h.name) == 1 {
		name = int(h.name[0])
	}
	for i, e := range t.entries {
		if e.name != h.name {
			continue
		}
		index := staticEntries + len(t.entries) - i
		t.referred = true
		if e.value == h.value {
			return appendInt(dst, 0x80, 7, index)
		}
		if name == 0 {
			name = index
		}
	}
	first, form, bits := byte(0x00), "", uint(4)
	if t.add(h) {
		first, bits = 0x40, 6
	}
	dst = appendInt(dst, first, bits, name)
	if name == 0 {
		form = h.name
	}
	dst = append(dst, form...)
	return append(dst, h.value...)
}

// add decides whether a field gets an entry: the first value of a name does, so
// that the name is there to refer to; others once they come twice in a row.
func (t *headerTable) add(h header) bool {
	last, known := t.last[h.name]
	t.last[h.name] = h.value
	if len(h.value) < tooShort || known && last != h.value && len(h.value) < longLived {
		return false
	}
	size := entryOverhead + mostText(h.name) + mostText(h.value)
	if size > t.limit/4*3 { // it would push out the others, and they it, again and again
		return false
	}
	if t.size+size > t.limit {
		*t = newHeaderTable(t.limit)
		t.last[h.name] = h.value
	}
	t.entries = append(t.entries, h)
	t.size += size
	return true
}

// mostText bounds the length of the text of an encoded string: the shortest
// Huffman code has five bits. A name in the static table has at most 27 bytes.
func mostText(s string) int {
	if len(s) == 1 {
		return 27
	}
	if s[0]&0x80 != 0 {
		return len(s) * 8 / 5
	}
	return len(s)
}

// appendInt appends an integer with a prefix of so many bits, RFC 7541 section 5.1.
func appendInt(dst []byte, first byte, bits uint, i int) []byte {
	most := 1<<bits - 1
	if i < most {
		return append(dst, first|byte(i))
	}
	dst = append(dst, first|byte(most))
	for i -= most; i >= 0x80; i >>= 7 {
		dst = append(dst, byte(i)|0x80)
	}
	return append(dst, byte(i))
}

// readInt reads one, and returns how many bytes it took; 0 if it is cut off.
func readInt(b []byte, bits uint) (i, n int) {
	most := 1<<bits - 1
	i = int(b[0]) & most
	if i < most {
		return i, 1
	}
	for n = 1; n < len(b) && n < 5; n++ {
		i += int(b[n]&0x7f) << (7 * (n - 1))
		if b[n]&0x80 == 0 {
			return i, n + 1
		}
	}
	return 0, 0
}

// stringLen returns how many bytes an encoded string takes; 0 if it is cut off.
func stringLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	length, n := readInt(b, 7)
	if n == 0 || length > len(b)-n {
		return 0
	}
	return n + length
}
