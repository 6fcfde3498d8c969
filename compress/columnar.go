package compress

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/rivulet-iot/rivulet/record"
)

// The first bytes of a columnar frame. The third has the version in its lower
// half, and in its highest bit whether the text is deflated.
const (
	columnarMagic0  = 0xd7
	columnarMagic1  = 'R'
	columnarVersion = 1
	columnarDeflate = 0x80

	columnarHead = 7 // magic, version, checksum
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
	shapes  map[shapeKey]int
	boots   map[uint64]int         // in which place each first came
	marked  map[record.ID]struct{} // devices with boots, without Seq
	coded   []byte
}

func (e *columnarEncoder) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	if b.Len() == 0 {
		return dst, errEmpty
	}
	defer e.forget()
	if err := e.cols.Read(b); err != nil {
		return dst, err
	}
	c := &e.cols
	if size := e.decodedSize(); size > mostDecoded && b.Len() > 1 {
		return dst, fmt.Errorf("compress: %d records would be %d bytes when they are decoded, and decoders take a frame of %d: split them", b.Len(), size, DefaultLimit)
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
	dst = append(dst, columnarMagic0, columnarMagic1, columnarVersion, 0, 0, 0, 0)
	dst, deflated := e.text.appendTo(dst)
	if deflated {
		dst[at+2] |= columnarDeflate
	}
	dst = append(dst, e.coded...)
	binary.LittleEndian.PutUint32(dst[at+3:], columnarChecksum(dst[at:]))
	return dst, nil
}

// columnarChecksum is CRC-32 (IEEE 802.3) over the frame without the checksum itself.
func columnarChecksum(frame []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(frame[:3]), crc32.IEEETable, frame[columnarHead:])
}

// mostDecoded is what a frame may become: what repeats takes next to nothing here,
// and a frame must stay within the limit of those who read it.
const mostDecoded = DefaultLimit / 2

// decodedSize is what a decoder will count the records as, strings left out: those
// are in the rows, which are no larger than a batch.
func (e *columnarEncoder) decodedSize() (size int64) {
	for i := range e.cols.Series {
		s := &e.cols.Series[i]
		each := recordCost + len(s.Device)
		for _, m := range s.Meta {
			each += len(m.Name) + len(m.Value)
		}
		for _, col := range s.Cols {
			each += smallCost + len(e.cols.Cols[col].Name)
		}
		size += int64(each) * int64(s.N)
	}
	return size
}

// forget lets go of the rows, which names and ids alias.
func (e *columnarEncoder) forget() {
	clear(e.text.index)
	clear(e.shapes)
	clear(e.boots)
	clear(e.marked)
	e.cols.Forget()
}

func (e *columnarEncoder) number(v int64) { e.head.encode(&e.coder, v) }

// column writes numbers as they are.
func (e *columnarEncoder) column(v []int64) {
	encodeNumbers(&e.coder, &e.head, &e.own, v, plan(v))
}

func (e *columnarEncoder) str(s string) { e.number(e.text.add(s)) }

// seqs writes the sequence numbers: only the first if they are as most often.
func (e *columnarEncoder) seqs() {
	v := e.cols.Seqs
	if len(v) == 1 {
		e.number(v[0])
		return
	}
	gaps := uint32(0)
	for i, seq := range v {
		if seq != v[0]+int64(i) {
			gaps = 1
			break
		}
	}
	e.coder.bit(&e.head.gaps, gaps)
	if gaps == 0 {
		e.number(v[0])
		return
	}
	e.column(v)
}

// boot writes a boot, and behind that of each device that is new, its mark.
func (e *columnarEncoder) boot(b *record.Batch, device string, boot uint64) {
	if at, ok := e.boots[boot]; ok {
		e.number(int64(len(e.boots) - at))
	} else {
		e.boots[boot] = len(e.boots)
		e.number(0)
		e.coder.bits(boot, 64)
	}
	pair := record.ID{Device: device, Boot: boot}
	if _, ok := e.marked[pair]; ok {
		return
	}
	e.marked[pair] = struct{}{}
	m := b.Mark(device, boot)
	if !m.Complete {
		e.coder.bits(0, 1)
		return
	}
	e.coder.bits(1, 1)
	e.number(int64(len(m.Closed)))
	for _, closed := range m.Closed {
		e.coder.bits(closed, 64)
	}
}

// shapeKey tells shapes apart: what a series' readings are.
type shapeKey struct {
	schema *record.Schema
	ref    string
	fields string // presence bits, or names and kinds
}

// series writes which series there are and which one each record is of.
func (e *columnarEncoder) series(b *record.Batch) {
	c := &e.cols
	if e.shapes == nil {
		e.shapes, e.boots, e.marked = map[shapeKey]int{}, map[uint64]int{}, map[record.ID]struct{}{}
	}
	e.number(int64(len(c.Series) - 1))
	for i := range c.Series {
		s := &c.Series[i]
		e.str(s.Device)
		e.boot(b, s.Device, s.Boot)
		e.shape(s)
		e.number(int64(len(s.Meta)))
		for _, m := range s.Meta {
			e.str(m.Name)
			e.str(m.Value)
		}
	}
	if len(c.Series) > 1 {
		e.column(c.Of)
	}
}

// shape writes which readings a series has: 0 and what they are, if that is new,
// or how many shapes back they were written.
func (e *columnarEncoder) shape(s *record.Series) {
	key := shapeKey{schema: s.Schema, ref: s.Ref, fields: string(s.Present)}
	if s.Schema == nil {
		var names []byte
		for _, col := range s.Cols {
			names = append(names, byte(e.cols.Cols[col].Kind))
			names = binary.AppendUvarint(names, uint64(len(e.cols.Cols[col].Name)))
			names = append(names, e.cols.Cols[col].Name...)
		}
		key.fields = string(names)
	}
	if at, ok := e.shapes[key]; ok {
		e.number(int64(len(e.shapes) - at))
		return
	}
	e.number(0)
	e.shapes[key] = len(e.shapes)
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
	if len(s.Cols) == len(s.Schema.Fields()) {
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
	seen := map[string]int64{}
	first := e.text.n
	e.cols.Strings(func(s string) {
		i, ok := seen[s]
		if !ok {
			i = int64(len(seen))
			seen[s] = i
			e.text.append(s)
		}
		e.values = append(e.values, i)
	})
	e.number(e.text.n - first)
	e.column(e.values)
}
