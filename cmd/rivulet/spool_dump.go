package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/record"
)

// dumper is one run of dump.
type dumper struct {
	c       *spoolTool
	out     *bufio.Writer
	decoder *record.Decoder
	record  record.Record // reused
	line    []byte        // reused
	escaped []byte        // reused
	// What could not be printed as a record, or at all.
	undecodable, damaged int64
}

func (c *spoolTool) dump() error {
	if err := c.load(); err != nil {
		return err
	}
	d := &dumper{c: c, out: bufio.NewWriterSize(c.out, 64<<10), decoder: record.NewDecoder()}
	for id, doc := range c.state.Docs {
		if err := d.decoder.AddStored(id, doc); err != nil {
			d.notice("schema %016x: %v; its records are printed as rows", id, err)
		}
	}
	err := d.segments()
	if c.aside {
		err = d.asides()
	}
	if ferr := d.out.Flush(); err == nil && ferr != nil {
		err = outputError{ferr}
	}
	switch {
	case err != nil:
		return err
	case d.damaged > 0:
		return fmt.Errorf("%s could not be read; \"rivulet spool verify\" says what is lost", count(d.damaged, "damaged part"))
	case d.undecodable > 0:
		return fmt.Errorf("%s could not be decoded", count(d.undecodable, "record"))
	}
	return nil
}

func (d *dumper) notice(format string, args ...any) {
	_ = d.out.Flush() // in order with what is printed; the error comes again
	fmt.Fprintf(d.c.err, "rivulet spool: %s\n", term.Escape(fmt.Sprintf(format, args...)))
}

// segments prints the records of the buffer.
func (d *dumper) segments() error {
	c := d.c
	if c.aside {
		return nil
	}
	p := newProgress(c.err, c.state.Bytes)
	defer p.end()
	return c.each(true, func(seg *spool.Segment, find spool.Find) error {
		p.at(find.Off)
		if find.Class == spool.Whole && find.Head.End() <= c.state.Acked && !c.all {
			return nil
		}
		return d.part(seg.Name, find, func(e spool.Entry) bool { return c.wanted(seg, e, c.all) })
	})
}

// asides prints the records that were set aside.
func (d *dumper) asides() error {
	for _, k := range d.c.state.Kept {
		if filepath.Ext(k.Name) != spool.AsideExt {
			continue
		}
		for find, err := range spool.InspectFile(d.c.fs, d.c.dir, k.Name) {
			if d.c.locked && spool.Missing(err) {
				break
			}
			if err == nil {
				err = d.part(k.Name, find, func(spool.Entry) bool { return true })
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// part prints the entries of a block that are wanted.
func (d *dumper) part(file string, find spool.Find, wanted func(spool.Entry) bool) error {
	if find.Bad() {
		d.damaged++
		fault, _ := d.c.fault(file, find)
		d.notice("%s", fault)
	}
	if find.Class != spool.Whole {
		return nil
	}
	var err error
	eerr := find.Head.Each(find.Raw, func(e spool.Entry) bool {
		if wanted(e) {
			err = d.entry(e)
		}
		return err == nil
	})
	return errors.Join(err, eerr)
}

// spoolOpaque is how an opaque record is printed, and one that cannot be decoded.
type spoolOpaque struct {
	Device string `json:"device_id"`
	Boot   string `json:"boot"`
	Seq    uint64 `json:"seq"`
	Key    string `json:"partition_key,omitempty"`
	EHK    string `json:"explicit_hash_key,omitempty"`
	Data   []byte `json:"data_base64,omitempty"`
	Row    []byte `json:"row_base64,omitempty"`
}

func (d *dumper) entry(e spool.Entry) error {
	if len(e.Data) > 0 && e.Data[0] == formOpaque {
		if o, ok := parseOpaque(e.Data); ok {
			o.Device, o.Boot, o.Seq = e.Device, record.FormatBoot(e.Boot), e.Seq
			return d.opaque(o)
		}
	}
	err := d.decoder.Decode(&d.record, e.Data)
	if err != nil {
		if d.undecodable++; d.undecodable <= 10 {
			d.notice("%s: %v; printed as a row", idRange{e.Device, record.FormatBoot(e.Boot), e.Seq, e.Seq}, err)
		}
		return d.opaque(spoolOpaque{Device: e.Device, Boot: record.FormatBoot(e.Boot), Seq: e.Seq, Row: e.Data})
	}
	d.record.ID = record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}
	d.line = record.AppendJSON(d.line[:0], &d.record)
	return d.println()
}

func (d *dumper) opaque(o spoolOpaque) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	d.line = append(d.line[:0], b...)
	return d.println()
}

func (d *dumper) println() error {
	d.escaped = append(term.EscapeJSON(d.escaped[:0], d.line), '\n')
	if _, err := d.out.Write(d.escaped); err != nil {
		return outputError{err}
	}
	return nil
}

// formOpaque is the first byte of an opaque record in the buffer; no row begins
// with it. The partition key and the explicit hash key follow, each behind its
// length as a uvarint, and the data.
const formOpaque = 0xff

func parseOpaque(row []byte) (o spoolOpaque, ok bool) {
	rest := row[1:]
	for _, s := range []*string{&o.Key, &o.EHK} {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return spoolOpaque{}, false
		}
		*s = string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
	}
	o.Data = rest
	return o, true
}
