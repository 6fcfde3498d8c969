package record

import "fmt"

// Row is one record in the form that the buffer holds.
type Row struct {
	ID   ID     // not part of Data
	Data []byte // as AppendTyped and AppendRecord write it
}

// Batch is a run of records in row form, in the order they were put, which a
// codec encodes as one frame. It borrows the rows: it is valid as long as they are.
type Batch struct {
	rows    []Row
	dec     *Decoder
	scratch Record
	mark    func(device string, boot uint64) Mark
}

// NewBatch returns an empty batch whose rows dec can read.
func NewBatch(dec *Decoder) *Batch { return &Batch{dec: dec} }

// Set makes rows the content of the batch.
func (b *Batch) Set(rows []Row) { b.rows = rows }

// SetMark makes fn say what frames of the batch state of each device and boot in
// them. An encoder calls it once for each, if the format has marks. Without it, or
// with nil, frames state nothing. It stays for the batches to come.
func (b *Batch) SetMark(fn func(device string, boot uint64) Mark) { b.mark = fn }

// Mark returns what there is to say of a device and a boot of the batch.
func (b *Batch) Mark(device string, boot uint64) Mark {
	if b.mark == nil {
		return Mark{}
	}
	m := b.mark(device, boot)
	if !m.Complete {
		return Mark{}
	}
	m.Closed = m.Closed[:min(len(m.Closed), MaxClosed)]
	return m
}

// Len returns the number of records.
func (b *Batch) Len() int { return len(b.rows) }

// Rows returns the rows; they are not to be changed.
func (b *Batch) Rows() []Row { return b.rows }

// Each calls fn for every record in order and stops at the first error, which
// it returns. The record is reused: it is valid only during the call. Each may
// be called more than once, so an encoder may take several passes.
func (b *Batch) Each(fn func(*Record) error) error {
	for i := range b.rows {
		b.scratch.ID = b.rows[i].ID
		if err := b.dec.Decode(&b.scratch, b.rows[i].Data); err != nil {
			return fmt.Errorf("record %s: %w", b.rows[i].ID, err)
		}
		if err := fn(&b.scratch); err != nil {
			return err
		}
	}
	return nil
}
