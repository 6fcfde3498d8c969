package partition

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Strategy gives each record its partition key. The key depends on nothing but
// the arguments, so a record has the same key whenever it is sent, also after
// a restart: a resent record goes where its first copy went, behind the
// records put before it.
//
// Key is called once per record and may be called concurrently. It must return
// a key that [CheckKey] accepts for every device id of 1 to 128 characters of
// valid UTF-8. seq is the record's sequence number.
//
// String returns the strategy in the form that [Parse] reads.
type Strategy interface {
	Key(device string, seq uint64) string
	String() string
}

// ByDevice returns the default strategy: the partition key is the device id.
// All records of a device go to one shard and keep their order. It never
// allocates.
func ByDevice() Strategy { return byDevice{} }

type byDevice struct{}

func (byDevice) Key(device string, _ uint64) string { return device }
func (byDevice) String() string                     { return "device" }

// Fixed returns the strategy that gives all records the one key, whatever their
// device: a gateway's records then share frames and compress best, and keep
// their order across devices, but never use more than one shard. It never
// allocates. The error is that of [CheckKey].
func Fixed(key string) (Strategy, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return fixed(key), nil
}

type fixed string

func (f fixed) Key(string, uint64) string { return string(f) }
func (f fixed) String() string            { return "fixed:" + string(f) }

// MaxSpread is the largest n of [Spread].
const MaxSpread = 256

// maxSpreadKeys bounds the keys that a Spread remembers, over all devices. With
// 20-character ids they take about 200 KiB; with 128-character ids, 600 KiB.
const maxSpreadKeys = 4096

// Spread returns the strategy that spreads the records of each device over n
// keys, 1 to [MaxSpread], for a device that alone writes more than the 1 MiB/s
// or 1,000 records/s that one shard takes.
//
// The record with sequence number seq has key i = seq mod n of its device,
// device#salt. The salt of key i is the lowest number that puts the key's hash
// in the i-th n-th of the hash space, so n keys really use n shards of an
// evenly cut stream, where n arbitrary keys would crowd together on about
// two thirds of them.
//
// The price is order: Kinesis keeps it per key, so it holds within each of a
// device's n sub-streams (seq, seq+n, seq+2n, ...) but not between them, and a
// reader that needs the device's whole order sorts by sequence number. Frames
// hold n times fewer records, and so compress less well.
//
// The keys of a device are searched at its first record, which takes n ln n
// MD5 sums (0.3 ms at n = 256 on a PC), and then remembered; Key does not
// allocate from then on. At most 4,096 keys are remembered. If there are more
// devices than that allows, some are forgotten and searched again, to the same
// result.
func Spread(n int) (Strategy, error) {
	if n < 1 || n > MaxSpread {
		return nil, fmt.Errorf("partition: spread over %d keys, want 1 to %d", n, MaxSpread)
	}
	return &spread{n: n, devices: make(map[string][]string)}, nil
}

type spread struct {
	n int

	mu      sync.RWMutex
	devices map[string][]string // device -> its n keys
}

func (s *spread) Key(device string, seq uint64) string {
	i := seq % uint64(s.n)
	s.mu.RLock()
	keys, ok := s.devices[device]
	s.mu.RUnlock()
	if ok {
		return keys[i]
	}
	device = strings.Clone(device) // it becomes a map key; the caller's may be part of a large buffer
	keys = spreadKeys(device, s.n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.devices {
		if len(s.devices) < maxSpreadKeys/s.n {
			break
		}
		delete(s.devices, old) // any: devices that take turns would defeat least-recently-used
	}
	s.devices[device] = keys
	return keys[i]
}

func (s *spread) String() string { return "spread:" + strconv.Itoa(s.n) }

// spreadKeys returns the n keys of a device. The search ends because a salt
// fits a given key with probability 1/n.
func spreadKeys(device string, n int) []string {
	keys := make([]string, n)
	buf := append(make([]byte, 0, len(device)+8), device...)
	buf = append(buf, '#')
	for salt, found := uint64(0), 0; found < n; salt++ {
		buf = strconv.AppendUint(buf[:len(device)+1], salt, 10)
		i := evenOwner(hashBytes(buf), n)
		if keys[i] == "" {
			keys[i] = string(buf)
			found++
		}
	}
	return keys
}

// Parse reads a strategy as a command-line flag gives it: "device", "fixed:KEY"
// or "spread:N". The key is everything after the first colon.
func Parse(s string) (Strategy, error) {
	name, arg, has := strings.Cut(s, ":")
	switch {
	case name == "device" && !has:
		return ByDevice(), nil
	case name == "fixed" && has:
		return Fixed(arg)
	case name == "spread" && has:
		n, err := strconv.Atoi(arg)
		if err != nil {
			return nil, fmt.Errorf("partition: spread over %q keys, want a number of 1 to %d", arg, MaxSpread)
		}
		return Spread(n)
	}
	return nil, fmt.Errorf("partition: unknown key strategy %q, want device, fixed:KEY or spread:N", s)
}
