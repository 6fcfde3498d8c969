package producer

// queue holds the frames that wait to be sent, of each key in the order of their records.
type queue struct {
	frames []*frame
	bytes  int            // of memory that they take
	stored int            // bytes that their entries take in the buffer
	keys   map[string]int // how many frames each key has
}

func (q *queue) add(f *frame) {
	if q.keys == nil {
		q.keys = map[string]int{}
	}
	q.frames = append(q.frames, f)
	q.bytes += f.memory()
	q.stored += f.stored
	q.keys[f.key]++
}

// take removes the frames that gone reports true for, and returns them.
func (q *queue) take(gone func(*frame) bool) (taken []*frame) {
	kept := q.frames[:0]
	for _, f := range q.frames {
		if !gone(f) {
			kept = append(kept, f)
			continue
		}
		taken = append(taken, f)
		q.bytes -= f.memory()
		q.stored -= f.stored
		if q.keys[f.key]--; q.keys[f.key] == 0 {
			delete(q.keys, f.key)
		}
	}
	clear(q.frames[len(kept):])
	q.frames = kept
	return taken
}
