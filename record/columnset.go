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
	Cols  []Column // in the order of the frame
	first map[columnKey]int
	more  map[columnKey][]int // behind the first, rising
}

type columnKey struct {
	name string
	kind Kind
}

// Reset empties the set.
func (c *ColumnSet) Reset() {
	c.Cols = c.Cols[:0]
	clear(c.first)
	clear(c.more)
}

// Assign returns the columns of a series' readings, of which only name and kind
// count: for each the first of that name and kind behind the column of the reading
// before it, else a new one at the end. So columns rise within a series; a name
// and kind has several if series have their readings in different orders.
func (c *ColumnSet) Assign(readings []Column) []int {
	if c.first == nil {
		c.first, c.more = map[columnKey]int{}, map[columnKey][]int{}
	}
	cols := make([]int, len(readings))
	from := 0
	for i, r := range readings {
		from = c.column(columnKey{r.Name, r.Kind}, from)
		cols[i] = from
		from++
	}
	return cols
}

// column returns the first column of that name and kind that is not before from.
func (c *ColumnSet) column(key columnKey, from int) int {
	first, known := c.first[key]
	if known && first >= from {
		return first
	}
	if known {
		have := c.more[key]
		if at, _ := slices.BinarySearch(have, from); at < len(have) {
			return have[at]
		}
		c.more[key] = append(have, len(c.Cols))
	} else {
		c.first[key] = len(c.Cols)
	}
	c.Cols = append(c.Cols, Column{Name: key.name, Kind: key.kind})
	return len(c.Cols) - 1
}
