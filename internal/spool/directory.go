package spool

import (
	"encoding/binary"
	"errors"
)

var errDirectory = errors.New("spool: the directory of a block is not valid")

// fields reads what a directory is made of.
type fields struct {
	b   []byte
	bad bool
}

// number reads a uvarint that is at most so high.
func (f *fields) number(most uint64) uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > most {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) fixed() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// deviceBytes is the least that a device takes in a directory: boot, length of the
// name, number of runs, and one run.
const deviceBytes = 5

func parseDirectory(b []byte, entries uint32) (docs []uint64, devices []Device, err error) {
	f := &fields{b: b}
	if n := f.number(uint64(len(b)) / 8); n > 0 {
		docs = make([]uint64, n)
		for i := range docs {
			docs[i] = f.fixed()
		}
	}
	devices = make([]Device, f.number(uint64(len(f.b))/deviceBytes))
	var boots []uint64
	left := uint64(entries)
	for i := range devices {
		d := &devices[i]
		if back := f.number(uint64(len(boots))); back > 0 {
			d.Boot = boots[uint64(len(boots))-back]
		} else {
			d.Boot = f.fixed()
			boots = append(boots, d.Boot)
		}
		d.Name = string(f.bytes(f.number(MaxName)))
		if d.Runs = f.runs(&left); f.bad || d.Boot == 0 {
			return nil, nil, errDirectory
		}
	}
	if f.bad || len(f.b) > 0 || left > 0 {
		return nil, nil, errDirectory
	}
	return docs, devices, nil
}

// runs reads the runs of a device, of at most so many entries as are left.
func (f *fields) runs(left *uint64) []Run {
	n := f.number(uint64(len(f.b)) / 2)
	if n == 0 {
		f.bad = true
	}
	runs := make([]Run, n)
	last := uint64(0)
	for i := range runs {
		skip, n := f.number(lots), f.number(*left)
		if skip == 0 || n == 0 || last+skip > lots {
			f.bad = true
			return nil
		}
		runs[i] = Run{last + skip, last + skip + n - 1}
		last = runs[i].Last
		*left -= n
	}
	return runs
}

func appendDirectory(dst []byte, docs []uint64, devices []Device) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(docs)))
	for _, id := range docs {
		dst = binary.LittleEndian.AppendUint64(dst, id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(devices)))
	var boots []uint64
	for _, d := range devices {
		dst, boots = appendBoot(dst, boots, d.Boot)
		dst = binary.AppendUvarint(dst, uint64(len(d.Name)))
		dst = append(dst, d.Name...)
		dst = binary.AppendUvarint(dst, uint64(len(d.Runs)))
		last := uint64(0)
		for _, r := range d.Runs {
			dst = binary.AppendUvarint(dst, r.First-last)
			dst = binary.AppendUvarint(dst, r.Last-r.First+1)
			last = r.Last
		}
	}
	return dst
}

// appendBoot appends how many new boots ago this one was given, or 0 and the boot.
func appendBoot(dst []byte, boots []uint64, boot uint64) ([]byte, []uint64) {
	for back := range min(len(boots), maxBack) {
		if boots[len(boots)-1-back] == boot {
			return binary.AppendUvarint(dst, uint64(back)+1), boots
		}
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0), boot), append(boots, boot)
}

// maxBack bounds the search for a boot that was given before.
const maxBack = 64
