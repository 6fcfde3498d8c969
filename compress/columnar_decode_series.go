package compress

import (
	"fmt"
	"slices"

	"github.com/rivulet-iot/rivulet/record"
)

// readSeries reads which series there are, which one each record is of, and what
// columns that makes.
func (d *columnarDecoder) readSeries(records int) {
	n := d.count("series more than one", int64(records)-1) + 1
	if !d.spend(int64(n), recordCost) {
		return
	}
	for i := 0; i < n && d.err == nil; i++ {
		s := frameSeries{id: record.ID{Device: d.str()}}
		if err := record.CheckDevice(s.id.Device); err != nil && d.err == nil {
			d.fail("%w", err)
		}
		s.id.Boot = d.readBoot()
		d.readMark(s.id)
		s.shape = d.readShape()
		for range d.count("metadata pairs", record.MaxMeta) {
			if !d.spend(1, smallCost) {
				return
			}
			m := record.Meta{Name: d.name("metadata"), Value: d.str()}
			if slices.ContainsFunc(s.meta, func(o record.Meta) bool { return o.Name == m.Name }) {
				d.fail("it has metadata %q twice in a record", m.Name)
			}
			s.meta = append(s.meta, m)
		}
		d.series = append(d.series, s)
	}
	d.of = make([]int64, records)
	if n > 1 {
		d.of = d.numbers(records)
	}
	for _, i := range d.of {
		if i < 0 || i >= int64(len(d.series)) {
			d.fail("a record of series %d", i)
		}
		if d.err != nil {
			return
		}
		d.series[i].n++
	}
	at := 0
	for i := range d.series {
		s := &d.series[i]
		s.next = at
		at += s.n
		cost := s.shape.cost + int64(len(s.id.Device))
		for _, m := range s.meta {
			cost += int64(len(m.Name) + len(m.Value))
		}
		if s.n == 0 || !d.spend(int64(s.n), cost) {
			continue // a series without records was paid for without its readings
		}
		for _, c := range s.shape.cols {
			s.at = append(s.at, d.set.Cols[c].N)
			d.set.Cols[c].N += s.n
		}
	}
}

// name reads a string that is a name.
func (d *columnarDecoder) name(of string) string {
	s := d.str()
	if err := record.CheckName(s); err != nil && d.err == nil {
		d.fail("of %s: %w", of, err)
	}
	return s
}

// readShape reads which readings a series has.
func (d *columnarDecoder) readShape() *shape {
	if back := d.count("shapes back", int64(len(d.shapes))); back > 0 {
		return d.shapes[len(d.shapes)-back]
	}
	s := &shape{}
	var readings []record.Column
	if d.err == nil && d.coder.bits(1) == 0 {
		if s.ref = d.str(); s.ref != "" && d.err == nil {
			if err := record.CheckName(s.ref); err != nil {
				d.fail("of a schema: %w", err)
			}
		}
		for range d.count("readings", record.MaxReadings) {
			if !d.spend(1, recordCost) {
				break
			}
			readings = append(readings, record.Column{Name: d.name("readings"), Kind: record.Kind(d.coder.bits(2) + 1)})
		}
	} else if d.err == nil {
		readings = d.readSchema(s)
	}
	seen := make(map[string]bool, len(readings))
	for _, r := range readings {
		if seen[r.Name] {
			d.fail("it has %q twice in a record", r.Name)
		}
		seen[r.Name] = true
		s.cost += smallCost + int64(len(r.Name))
	}
	s.cols = d.set.Assign(readings)
	d.shapes = append(d.shapes, s)
	return s
}

// readSchema reads the shape of records that have a schema.
func (d *columnarDecoder) readSchema(s *shape) (readings []record.Column) {
	print := uint32(d.coder.bits(32))
	var schema *record.Schema
	for _, known := range d.schemas {
		if known == nil || uint32(known.Fingerprint()>>32) != print {
			continue
		}
		if schema != nil && schema.Fingerprint() != known.Fingerprint() {
			d.err = fmt.Errorf("%w: %s and %s both begin with %08x", ErrSchema, schema.Ref(), known.Ref(), print)
			return nil
		}
		schema = known
	}
	if schema == nil {
		d.err = fmt.Errorf("%w: its fingerprint begins with %08x", ErrSchema, print)
		return nil
	}
	s.ref = schema.Ref()
	fields := schema.Len()
	if !d.spend(int64(fields), recordCost) {
		return nil
	}
	all := d.coder.bits(1) == 1
	for i := 0; i < fields; i += 8 {
		present := uint64(0xff)
		if !all {
			present = d.coder.bits(8)
		}
		for k := range min(8, fields-i) {
			if present&(1<<k) != 0 {
				f := schema.Field(i + k)
				readings = append(readings, record.Column{Name: f.Name, Kind: f.Kind})
			}
		}
	}
	return readings
}
