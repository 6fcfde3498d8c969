package producer

import "time"

// timekeeper is a client that takes the time from verified answers, and takes none that is
// earlier for the time: *wire.Client is one.
type timekeeper interface {
	LearnTime(time.Time)
	TrustedTime() time.Time
}

// timeKeepingBuffer keeps a time over restarts: *retry.Disk is one.
type timeKeepingBuffer interface {
	KeepTime(time.Time)
	TrustedTime() time.Time
}

// recallTime tells the client the latest time that an earlier run was sure of, so that a
// device whose clock begins in 1970 accepts certificates that are newer than its firmware.
func (p *Producer) recallTime() {
	client, buf := p.timekeepers()
	if client != nil && buf != nil {
		if t := buf.TrustedTime(); !t.IsZero() {
			client.LearnTime(t)
		}
	}
}

// keepTime has the buffer keep the latest time that the client is sure of.
func (p *Producer) keepTime() {
	client, buf := p.timekeepers()
	if client != nil && buf != nil {
		if t := client.TrustedTime(); !t.IsZero() {
			buf.KeepTime(t)
		}
	}
}

func (p *Producer) timekeepers() (timekeeper, timeKeepingBuffer) {
	client, _ := p.api.(timekeeper)
	buf, _ := p.buf.(timeKeepingBuffer)
	return client, buf
}
