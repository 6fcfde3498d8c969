package spool

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func slots(a, b []byte) []byte {
	out := make([]byte, CursorBytes)
	copy(out, a)
	copy(out[SlotBytes:], b)
	return out
}

func TestCursor(t *testing.T) {
	at := func(gen uint64) Cursor {
		return Cursor{Generation: gen, Trusted: 3 + int64(gen), Next: 100 * gen, Acked: 90 * gen, Written: 80 * gen, Clock: 7, Wall: -8}
	}
	slot := func(gen uint64) []byte { c := at(gen); return c.Slot() }
	rot := func(gen uint64, byte int) []byte { b := slot(gen); b[byte] ^= 1; return b }
	torn := append(slices.Clone(slot(3)[:30]), slot(1)[30:]...)
	for _, c := range []struct {
		name string
		b    []byte
		gen  uint64 // 0: none is whole
		sure bool
	}{
		{"second slot newer", slots(slot(4), slot(5)), 5, true},
		{"first slot newer", slots(slot(6), slot(5)), 6, true},
		{"first ever, odd", slots(nil, slot(1)), 1, true},
		{"first ever, even", slots(slot(0), nil), 100, true},
		{"other torn", slots(slot(2), torn), 2, false},
		{"newer rotted", slots(slot(4), rot(5, 40)), 4, false},
		{"older rotted", slots(rot(4, 40), slot(5)), 5, false},
		{"magic rotted", slots(slot(4), rot(5, 0)), 4, false},
		{"checksum rotted", slots(slot(4), rot(5, 5)), 4, false},
		{"last byte rotted", slots(slot(4), rot(5, slotUsed-1)), 4, false},
		{"rot where nothing is", slots(slot(4), rot(5, slotUsed)), 5, true},
		{"newer blank", slots(slot(4), nil), 4, false},
		{"both rotted", slots(rot(4, 9), rot(5, 9)), 0, false},
		{"both blank", slots(nil, nil), 0, false},
		{"cut to one slot", slots(slot(4), nil)[:SlotBytes], 4, false},
		{"cut in the second", slots(slot(4), slot(5))[:SlotBytes+40], 4, false},
		{"cut after what is used", slots(slot(4), slot(5))[:SlotBytes+slotUsed], 5, false},
		{"empty", nil, 0, false},
		{"in each other's place", slots(slot(5), slot(4)), 0, false},
		{"same slot twice", slots(slot(4), slot(4)), 4, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, sure, ok := ParseCursor(c.b)
			require.Equal(t, c.gen != 0, ok)
			require.Equal(t, c.sure, sure)
			if ok {
				require.Equal(t, at(c.gen%100), got)
				require.Equal(t, int64(c.gen%2)*SlotBytes, got.Off())
			}
		})
	}
	bad := at(4)
	bad.Acked = bad.Next + 1
	_, _, ok := ParseCursor(slots(bad.Slot(), nil))
	require.False(t, ok, "acked beyond next")
}

// No bit flipped in a slot is taken for another cursor.
func TestCursorEveryBit(t *testing.T) {
	old, new := Cursor{Generation: 8, Next: 20, Acked: 10}, Cursor{Generation: 9, Next: 40, Acked: 30}
	b := slots(old.Slot(), new.Slot())
	for bit := range len(b) * 8 {
		b[bit/8] ^= 1 << (bit % 8)
		got, sure, ok := ParseCursor(b)
		require.True(t, ok)
		switch at := bit / 8; {
		case at < slotUsed:
			require.Equal(t, new, got)
			require.False(t, sure)
		case at >= SlotBytes && at < SlotBytes+slotUsed:
			require.Equal(t, old, got)
			require.False(t, sure)
		default:
			require.Equal(t, new, got)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}
