package decode

import (
	"strings"

	"github.com/rivulet-iot/rivulet/record"
)

// Dedup remembers ids of records, to drop the duplicates that come of sending
// again what there was no answer for. Its zero value is empty and ready to use.
// It is for one goroutine at a time.
//
// It remembers ids in pages of 512 consecutive sequence numbers of one device and
// boot, exactly, whatever the order they come in, and keeps the pages that were
// asked about last. An id whose page is forgotten counts as new: rather a
// duplicate too many than a record lost. In memory a page takes about 300 bytes.
type Dedup struct {
	// Pages is how many pages are kept. It may not be changed once Seen was
	// called. Default: 65,536, at most 20 MiB: the last 33 million records if they
	// are dense, or 65,536 devices that send less than 512 records per boot.
	Pages int

	index map[pageKey]int32
	pages []page
	head  int32 // most recently used
	tail  int32 // least
}

const (
	pageBits     = 9
	defaultPages = 1 << 16
	maxPages     = 1 << 30 // so that an int32 counts them
)

type pageKey struct {
	device string
	boot   uint64
	number uint64 // the upper bits of the sequence number
}

// page is a set of sequence numbers, in a list by time of use.
type page struct {
	key          pageKey
	newer, older int32
	bits         [1 << pageBits / 64]uint64
}

const none = -1 // no page

// Seen reports whether it was called with id before, as far as it remembers, and
// remembers id. An id without sequence number, which a record written by hand may
// have, is never seen.
//
// A consumer that fails after Seen, and gets the same records again, must [Forget]
// them first, or it loses them.
//
// [Forget]: Dedup.Forget
func (d *Dedup) Seen(id record.ID) bool {
	if id.Seq == 0 {
		return false
	}
	p := d.page(id, true)
	word, bit := id.Seq>>6%uint64(len(p.bits)), uint64(1)<<(id.Seq&63)
	seen := p.bits[word]&bit != 0
	p.bits[word] |= bit
	return seen
}

// Forget makes id new again.
func (d *Dedup) Forget(id record.ID) {
	if p := d.page(id, false); p != nil {
		p.bits[id.Seq>>6%uint64(len(p.bits))] &^= 1 << (id.Seq & 63)
	}
}

// page returns the page of id and makes it the newest. If there is none it
// returns nil or makes one, in the place of the oldest if there are enough.
func (d *Dedup) page(id record.ID, create bool) *page {
	key := pageKey{id.Device, id.Boot, id.Seq >> pageBits}
	if i, ok := d.index[key]; ok {
		if i != d.head {
			d.unlink(i)
			d.link(i)
		}
		return &d.pages[i]
	}
	if !create {
		return nil
	}
	if d.index == nil {
		d.index = make(map[pageKey]int32)
		d.head, d.tail = none, none
	}
	most := d.Pages
	if most <= 0 {
		most = defaultPages
	}
	key.device = strings.Clone(key.device) // it may be part of something large
	var i int32
	if len(d.pages) < min(most, maxPages) {
		i = int32(len(d.pages))
		d.pages = append(d.pages, page{key: key})
	} else {
		i = d.tail
		d.unlink(i)
		delete(d.index, d.pages[i].key)
		d.pages[i] = page{key: key}
	}
	d.index[key] = i
	d.link(i)
	return &d.pages[i]
}

func (d *Dedup) unlink(i int32) {
	p := &d.pages[i]
	if p.newer == none {
		d.head = p.older
	} else {
		d.pages[p.newer].older = p.older
	}
	if p.older == none {
		d.tail = p.newer
	} else {
		d.pages[p.older].newer = p.newer
	}
}

// link puts page i in front.
func (d *Dedup) link(i int32) {
	p := &d.pages[i]
	p.newer, p.older = none, d.head
	if d.head == none {
		d.tail = i
	} else {
		d.pages[d.head].newer = i
	}
	d.head = i
}
