package producer

import (
	"cmp"
	"slices"
)

// indexSet is a set of buffer indexes: runs in rising order that neither overlap
// nor touch. With several devices interleaved each record is a run of its own,
// so everything here is one walk along the runs, never one for each.
type indexSet struct{ runs []run }

// add puts runs, in any order, into the set.
func (m *indexSet) add(runs []run) {
	all := append(m.runs, runs...)
	slices.SortFunc(all, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	m.runs = all[:0]
	for _, r := range all {
		if n := len(m.runs); n > 0 && r.first <= m.runs[n-1].last+1 {
			m.runs[n-1].last = max(m.runs[n-1].last, r.last)
		} else {
			m.runs = append(m.runs, r)
		}
	}
}

// remove takes rising runs out of the set.
func (m *indexSet) remove(runs []run) {
	if len(m.runs) == 0 || len(runs) == 0 || runs[0].first > m.runs[len(m.runs)-1].last || runs[len(runs)-1].last < m.runs[0].first {
		return
	}
	var kept []run
	j := 0
	for _, o := range m.runs {
		for j < len(runs) && runs[j].last < o.first {
			j++
		}
		for k := j; k < len(runs) && runs[k].first <= o.last; k++ {
			if runs[k].first > o.first {
				kept = append(kept, run{o.first, runs[k].first - 1})
			}
			o.first = runs[k].last + 1
		}
		if o.first <= o.last {
			kept = append(kept, o)
		}
	}
	m.runs = kept
}

// has reports whether an index is in the set.
func (m *indexSet) has(index uint64) bool {
	i, _ := slices.BinarySearchFunc(m.runs, index, func(r run, index uint64) int {
		if r.last < index {
			return -1
		}
		return 1
	})
	return i < len(m.runs) && m.runs[i].first <= index
}

// dropBelow takes out all that is below index.
func (m *indexSet) dropBelow(index uint64) {
	if index > 1 && len(m.runs) > 0 {
		m.remove([]run{{0, index - 1}})
	}
}

// count returns how many indexes of rising runs are in the set.
func (m *indexSet) count(runs []run) (n int) {
	if len(m.runs) == 0 {
		return 0
	}
	j := 0
	for _, r := range runs {
		for j < len(m.runs) && m.runs[j].last < r.first {
			j++
		}
		for k := j; k < len(m.runs) && m.runs[k].first <= r.last; k++ {
			n += int(min(r.last, m.runs[k].last) - max(r.first, m.runs[k].first) + 1)
		}
	}
	return n
}
