package retry

// losses collects runs of lost entries, joining neighbours.
type losses struct {
	list []Loss
	last map[lossKey]int // the newest run of each device, by place in list
}

// extends reports whether seq goes on where the run does.
func (l *Loss) extends(o Outcome, device string, boot uint64, seq uint64) bool {
	return l.Last+1 == seq && l.Outcome == o && l.Boot == boot && l.Device == device
}

type lossKey struct {
	outcome Outcome
	device  string
	boot    uint64
}

func (l *losses) add(o Outcome, device string, boot uint64, seq uint64) {
	l.addRun(o, device, boot, seq, seq)
}

func (l *losses) addRun(o Outcome, device string, boot uint64, first, last uint64) {
	if n := len(l.list); n > 0 && l.list[n-1].extends(o, device, boot, first) { // mostly
		l.list[n-1].Last = last
		return
	}
	key := lossKey{o, device, boot}
	if i, ok := l.last[key]; ok && l.list[i].Last+1 == first {
		l.list[i].Last = last
		return
	}
	if l.last == nil {
		l.last = map[lossKey]int{}
	}
	l.last[key] = len(l.list)
	l.list = append(l.list, Loss{o, device, boot, first, last})
}

func (l *losses) take() []Loss {
	list := l.list
	l.list, l.last = nil, nil
	return list
}
