package producer

import "time"

// paces are the rate limiters of the shards that are known.
type paces map[string]*pace

// wait returns how long to wait until an entry of n bytes may be sent to a shard, or until
// as many bytes may be added to one if records is 0, and takes that when it is now. What
// goes to an unknown shard does not wait.
func (ps paces) wait(now time.Time, shard string, n, records int) time.Duration {
	if shard == "" {
		return 0
	}
	p := ps[shard]
	if p == nil {
		p = &pace{rate: 1, bytes: shardBytes, records: shardRecords}
		ps[shard] = p
	}
	return p.wait(now, n, records)
}

// left returns how long until something may be sent to a shard; 0: now, or it is unknown.
func (ps paces) left(now time.Time, shard string) time.Duration {
	if p := ps[shard]; p != nil {
		return max(p.until.Sub(now), 0)
	}
	return 0
}

func (ps paces) throttled(shard string) {
	if p := ps[shard]; p != nil {
		p.throttled()
	}
}

func (ps paces) worked(shard string) {
	if p := ps[shard]; p != nil {
		p.worked()
	}
}

// pace keeps what we send to one shard within what it takes: a token bucket of
// one second, whose rate halves when the shard throttles us (others send to it
// too) and creeps back while it does not.
type pace struct {
	rate    float64 // share of the shard that we use, up to 1
	bytes   float64 // tokens
	records float64
	last    time.Time
	dry     bool      // some tokens have to gather: else each call would carry a crumb
	until   time.Time // when the wait that was asked about last is over
}

const minRate = 1.0 / 64

// wait returns how long to wait until n bytes and one record may be sent, and
// takes the tokens when that is now.
func (p *pace) wait(now time.Time, n, records int) time.Duration {
	if !p.last.IsZero() {
		sec := max(now.Sub(p.last).Seconds(), 0)
		p.bytes = min(p.bytes+sec*p.rate*shardBytes, shardBytes)
		p.records = min(p.records+sec*p.rate*shardRecords, shardRecords)
	}
	p.last = now
	need, count := min(float64(n), shardBytes), float64(records) // a record above a second's worth waits for a full bucket
	if p.dry = p.dry || p.bytes < need || p.records < count; p.dry {
		need, count = max(need, p.rate*shardBytes/4), max(count, p.rate*shardRecords/4)
	}
	short := max((need-p.bytes)/(p.rate*shardBytes), (count-p.records)/(p.rate*shardRecords))
	if p.dry = short > 0; p.dry {
		d := time.Duration(short*float64(time.Second)) + time.Millisecond
		p.until = now.Add(d)
		return d
	}
	p.bytes -= float64(n)
	p.records -= float64(records)
	return 0
}

func (p *pace) throttled() { p.rate = max(p.rate/2, minRate) }
func (p *pace) worked()    { p.rate = min(p.rate*1.1, 1) }
