package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

func TestFrames(t *testing.T) {
	sets := append(series(), generated(t, 400))
	for _, in := range sets {
		require.NoError(t, in.derive())
		in.records = in.records[:400]
		sizes, err := measureFrames(in)
		require.NoError(t, err, in.from)
		require.Len(t, sizes, len(compress.Codecs()))
		for codec, bySize := range sizes {
			require.Contains(t, bySize, "60", codec)
			require.NotContains(t, bySize, "500", "%s: there is no whole frame of that size", codec)
			require.Greater(t, bySize["1"].Schema, 10.0, codec)
			require.Less(t, bySize["60"].Free, bySize["1"].Free+3, codec)
		}
		again, err := measureFrames(in)
		require.NoError(t, err)
		require.Equal(t, sizes, again, "sizes are exact")
		var table strings.Builder
		printFrames(&table, "data", in, sizes)
		require.Contains(t, table.String(), "zstd, free")
	}
}

func TestFramesThatDifferFail(t *testing.T) {
	in := generated(t, 3)
	var want []*record.Record
	var frame []byte
	for i := range in.records {
		want = append(want, &in.records[i])
		frame = append(record.AppendJSON(frame, &in.records[i]), '\n')
	}
	frame = frame[:len(frame)-1]
	require.NoError(t, sameRecords(frame, want, nil))
	require.ErrorContains(t, sameRecords(frame, want[:2], nil), "more than the 2")
	require.ErrorContains(t, sameRecords(frame, append(want[:3:3], want[0]), nil), "3 of 4")
	require.ErrorContains(t, sameRecords(frame, []*record.Record{want[0], want[2], want[1]}, nil), "came back as")
}
