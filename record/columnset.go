package record

import "slices"

// Column is one reading, over all series of a batch that have it.
type Column struct {
	Name string // of the reading
	Kind Kind   // of all its values
	N    int    // values
}

// ColumnSet gives readings their columns. An encoder and a decoder that hand it
// the readings of the same series come to the same columns, so a frame need not
// say which there are.
type ColumnSet struct {
	Cols []Column         // in the order of the frame
	at   map[Column][]int // by name and kind
}

// Reset empties the set.
func (c *ColumnSet) Reset() {
	c.Cols = c.Cols[:0]
	clear(c.at)
}

// Assign returns the columns of a series' readings, of which only name and kind
// count: for each the first of that name and kind behind the column of the reading
// before it, else a new one at the end. So columns rise within a series; a name
// and kind has several if series have their readings in different orders.
func (c *ColumnSet) Assign(readings []Column) []int {
	if c.at == nil {
		c.at = map[Column][]int{}
	}
	cols := make([]int, len(readings))
	from := 0
	for i, r := range readings {
		r.N = 0
		have := c.at[r]
		if at, _ := slices.BinarySearch(have, from); at < len(have) {
			from = have[at]
		} else {
			from = len(c.Cols)
			c.Cols = append(c.Cols, r)
			c.at[r] = append(have, from)
		}
		cols[i] = from
		from++
	}
	return cols
}
