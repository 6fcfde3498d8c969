package compress

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/rivulet-iot/rivulet/record"
)

// The first bytes of a columnar frame. The fourth has the version in its lower
// half, and in its highest bit whether the text is deflated.
const (
	columnarStart   = 0xd7<<24 | 'R'<<16 | 'V'<<8 | columnarVersion
	columnarVersion = 1
	columnarDeflate = 0x80

	columnarHead = 8 // magic, version, checksum
)

type columnarCodec struct{}

func (columnarCodec) Name() string        { return "columnar" }
func (columnarCodec) NewEncoder() Encoder { return &columnarEncoder{} }

// columnarEncoder turns rows into columns. docs/columnar.md has the format.
type columnarEncoder struct {
	cols    record.Columns
	coder   rangeEncoder
	head    headModel // of all that comes once: counts, first numbers, parameters
	own     model     // of the column at hand
	text    text
	values  []int64 // of the column at hand
	numeric numeric
	shapes  int // written so far
	meta    []record.Meta
	seen    map[string]int64       // of a column of strings
	boots   map[uint64]int         // in which place each first came
	marked  map[record.ID]struct{} // devices with boots, without Seq
	coded   []byte
}

func (e *columnarEncoder) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	if b.Len() == 0 {
		return dst, errEmpty
	}
	defer e.forget()
	c := &e.cols
	n, err := c.Read(b)
	if err != nil {
		return dst, err
	}
	if n < b.Len() {
		return dst, &SplitError{Rows: n, Why: "the records have too little in common"}
	}
	if size := e.decodedSize(); size > mostDecoded && n > 1 {
		return dst, &SplitError{Rows: n / 2, Why: fmt.Sprintf("the records would be %d bytes when they are decoded, and decoders take a frame of %d", size, DefaultLimit)}
	}
	e.text.reset()
	e.head = newHead
	e.coder.start(e.coded[:0])
	e.number(int64(b.Len()))
	e.series(b)
	e.seqs()
	e.column(c.Times)
	e.numeric.reset(b.Len())
	for i := range c.Cols {
		kind := c.Cols[i].Kind
		if kind == record.String {
			e.strings()
			continue
		}
		e.values = c.Numbers(e.values[:0])
		if kind == record.Bool {
			e.column(e.values)
		} else {
			e.numeric.encode(e, i, e.values, kind == record.Float)
		}
	}
	if err := c.Err(); err != nil {
		return dst, err
	}
	e.coded = e.coder.finish()

	at := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, columnarStart)
	dst = append(dst, 0, 0, 0, 0)
	dst, deflated := e.text.appendTo(dst)
	if deflated {
		dst[at+3] |= columnarDeflate
	}
	dst = append(dst, e.coded...)
	frame := dst[at:]
	binary.LittleEndian.PutUint32(frame[4:], columnarChecksum(binary.BigEndian.Uint32(frame), frame))
	return dst, nil
}

// columnarChecksum is CRC-32 (IEEE 802.3) over the frame without the checksum
// itself, if its first four bytes are start.
func columnarChecksum(start uint32, frame []byte) uint32 {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], start)
	return crc32.Update(crc32.ChecksumIEEE(head[:]), crc32.IEEETable, frame[columnarHead:])
}

// mostDecoded is what a frame may become: what repeats takes next to nothing here,
// and a frame must stay within the limit of those who read it.
const mostDecoded = DefaultLimit / 2

// decodedSize is what a decoder will count the records as, strings left out: those
// are in the rows, which are no larger than a batch.
func (e *columnarEncoder) decodedSize() (size int64) {
	for i := range e.cols.Shapes {
		s := &e.cols.Shapes[i]
		size += recordCost * int64(len(s.Cols))
		if s.Schema != nil {
			size += recordCost * int64(s.Schema.Len()-len(s.Cols))
		}
	}
	for i := range e.cols.Series {
		s := &e.cols.Series[i]
		each := recordCost + len(s.Device)
		e.meta = s.AppendMeta(e.meta[:0])
		for _, m := range e.meta {
			each += len(m.Name) + len(m.Value)
		}
		for _, col := range e.cols.Shapes[s.Shape].Cols {
			each += smallCost + len(e.cols.Cols[col].Name)
		}
		size += int64(each)*int64(s.N) + recordCost + smallCost*int64(len(e.meta))
	}
	return size
}

// forget lets go of the rows, which names and ids alias.
func (e *columnarEncoder) forget() {
	clear(e.text.index)
	clear(e.boots)
	clear(e.marked)
	clear(e.seen)
	clear(e.meta[:cap(e.meta)])
	e.cols.Forget()
}

func (e *columnarEncoder) number(v int64) { e.head.encode(&e.coder, v) }

// column writes numbers as they are.
func (e *columnarEncoder) column(v []int64) {
	encodeNumbers(&e.coder, &e.head, &e.own, v, plan(v))
}

func (e *columnarEncoder) str(s string) { e.number(e.text.add(s)) }

// series writes which series there are and which one each record is of.
func (e *columnarEncoder) series(b *record.Batch) {
	c := &e.cols
	if e.boots == nil {
		e.boots, e.marked = map[uint64]int{}, map[record.ID]struct{}{}
	}
	e.shapes = 0
	e.number(int64(len(c.Series) - 1))
	for i := range c.Series {
		s := &c.Series[i]
		e.str(s.Device)
		e.boot(b, s.Device, s.Boot)
		e.shape(s.Shape)
		e.meta = s.AppendMeta(e.meta[:0])
		e.number(int64(len(e.meta)))
		for _, m := range e.meta {
			e.str(m.Name)
			e.str(m.Value)
		}
	}
	if len(c.Series) > 1 {
		e.column(c.Of)
	}
}

// shape writes which readings a series has: how many shapes back they were written,
// or 0 and what they are. Shapes are numbered as they first occur.
func (e *columnarEncoder) shape(at int) {
	if at < e.shapes {
		e.number(int64(e.shapes - at))
		return
	}
	e.number(0)
	e.shapes++
	s := &e.cols.Shapes[at]
	if s.Schema == nil {
		e.coder.bits(0, 1)
		e.str(s.Ref)
		e.number(int64(len(s.Cols)))
		for _, col := range s.Cols {
			e.str(e.cols.Cols[col].Name)
			e.coder.bits(uint64(e.cols.Cols[col].Kind-1), 2)
		}
		return
	}
	e.coder.bits(1, 1)
	e.coder.bits(s.Schema.Fingerprint()>>32, 32)
	all := uint64(0)
	if len(s.Cols) == s.Schema.Len() {
		all = 1
	}
	e.coder.bits(all, 1)
	for _, bits := range s.Present {
		if all == 0 {
			e.coder.bits(uint64(bits), 8)
		}
	}
}

// strings writes a column of strings: which of the texts that it has, numbered as
// they first occur, each value is.
func (e *columnarEncoder) strings() {
	e.values = e.values[:0]
	if e.seen == nil {
		e.seen = map[string]int64{}
	}
	clear(e.seen)
	first := e.text.n
	e.cols.Strings(func(s string) {
		i, ok := e.seen[s]
		if !ok {
			i = int64(len(e.seen))
			e.seen[s] = i
			e.text.append(s)
		}
		e.values = append(e.values, i)
	})
	e.number(e.text.n - first)
	e.column(e.values)
}
