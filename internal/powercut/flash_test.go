//go:build linux

package powercut

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rivulet-iot/rivulet/retry"
)

const sector = 512 // bytes, of the kernel's statistics

// rows are the kinds of data: what a device with eight sensors puts, of about 80
// bytes, and 200 bytes that cannot be compressed.
var rows = map[string]func() func() []byte{
	"sensors": func() func() []byte {
		rng := rand.New(rand.NewPCG(1, 1))
		values, at := [8]float64{}, uint64(1_795_000_000_000)
		return func() []byte {
			at += 1000
			b := append(binary.LittleEndian.AppendUint64(nil, at), "env/1\x08\x00\x01"...)
			for i := range values {
				values[i] += math.Round(rng.NormFloat64()*100) / 100
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(values[i]))
			}
			return b
		}
	},
	"random": func() func() []byte {
		rng := rand.New(rand.NewPCG(1, 1))
		return func() []byte {
			b := make([]byte, 200)
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			return b
		}
	},
}

// TestFlash prints what the block device is given to write for a record. FLASH is for
// how many seconds to put one record a second, beside the runs that do not wait.
func TestFlash(t *testing.T) {
	seconds, err := strconv.Atoi(os.Getenv("FLASH"))
	if err != nil {
		t.Skip("run by scripts/flash.sh")
	}
	requireMounts(t)
	out := &strings.Builder{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...any) {
		for _, c := range cells {
			_, _ = fmt.Fprintf(table, "%v\t", c)
		}
		_, _ = fmt.Fprintln(table)
	}
	line("rows", "a commit", "records", "device B/record", "given B/record", "fsyncs/record")
	show := func(kind, commit string, f figures) {
		n := float64(f.records)
		line(kind, commit, f.records, fmt.Sprintf("%.0f", float64(f.device)/n), fmt.Sprintf("%.0f", float64(f.given)/n), fmt.Sprintf("%.3f", float64(f.fsyncs)/n))
	}
	deliver := func(b *retry.Disk, n int) {
		if es := b.Next(1 << 20); n%256 == 0 && len(es) > 0 {
			b.Ack(1, es[len(es)-1].Index, retry.Delivered)
		}
	}
	for _, link := range []string{"well", "down"} {
		for _, kind := range []string{"sensors", "random"} {
			for _, group := range []int{1, 8, 64, 256} {
				f := measure(t, retry.Options{SyncDelay: time.Hour, SyncBytes: 1 << 30}, 4096, kind, func(b *retry.Disk, n int) {
					if n%group == 0 {
						require.NoError(t, b.Sync(t.Context()))
					}
					if link == "well" {
						deliver(b, n)
					}
				})
				show(kind, fmt.Sprint(group, ", link ", link), f)
			}
		}
	}
	f := measure(t, retry.Options{Sync: retry.SyncSpill}, 4080, "sensors", deliver)
	show("sensors", "spill, link well", f)
	require.Zero(t, f.device)
	require.Zero(t, f.given)
	if seconds > 0 {
		wait := func(*retry.Disk, int) { time.Sleep(time.Second) }
		show("sensors", "1 s, a record a second", measure(t, retry.Options{}, seconds, "sensors", wait))
		show("sensors", "10 s, a record a second", measure(t, retry.Options{Sync: retry.SyncInterval}, seconds, "sensors", wait))
	}
	require.NoError(t, table.Flush())
	fmt.Printf("Linux %s, ext4, 4 KiB blocks, data=ordered, journal included\n%s", run(t, "uname", "-r"), out)
}

type figures struct {
	records       int
	device, given int64
	fsyncs        uint64
}

// measure puts records into a buffer on a file system of its own, and counts from
// the buffer being open until all is on the device, the journal's blocks too.
//
// It first fills and finishes a few segments, as a device in service has, so that
// their space is there to be used again.
func measure(t *testing.T, o retry.Options, records int, kind string, each func(*retry.Disk, int)) figures {
	im := newImage(t, workDir(t), "data=ordered,noatime")
	defer im.unmount(t)
	settle(t, im, o)
	b, err := retry.Open(filepath.Join(im.dir, "spool"), o)
	require.NoError(t, err)
	next := rows[kind]()
	im.flush(t)
	device, began := im.written(t), b.Health()
	for n := 1; n <= records; n++ {
		_, _, err := b.Append(t.Context(), "device", next())
		require.NoError(t, err)
		each(b, n)
	}
	if o.Sync != retry.SyncSpill {
		require.NoError(t, b.Sync(t.Context()))
	}
	im.flush(t)
	h := b.Health()
	f := figures{records, im.written(t) - device, int64(h.FlashBytes - began.FlashBytes), h.Fsyncs - began.Fsyncs}
	require.NoError(t, b.Close())
	return f
}

// settle leaves a buffer that was in use for a while.
func settle(t *testing.T, im *image, o retry.Options) {
	b, err := retry.Open(filepath.Join(im.dir, "spool"), o)
	require.NoError(t, err)
	next := rows["random"]()
	for range 60_000 { // 12 MB, three segments
		_, _, err := b.Append(t.Context(), "device", next())
		require.NoError(t, err)
	}
	require.NoError(t, b.Sync(t.Context()))
	for es := b.Next(1 << 20); len(es) > 0; es = b.Next(1 << 20) {
		b.Ack(es[0].Index, es[len(es)-1].Index, retry.Delivered)
	}
	require.NoError(t, b.Close())
}

// flush writes back all of the file system.
func (im *image) flush(t testing.TB) {
	dir, err := os.Open(im.dir)
	require.NoError(t, err)
	require.NoError(t, unix.Syncfs(int(dir.Fd())))
	require.NoError(t, dir.Close())
}

// written returns how many bytes the device was given so far.
func (im *image) written(t testing.TB) int64 {
	stat, err := os.ReadFile(filepath.Join("/sys/block", im.device(t), "stat"))
	require.NoError(t, err)
	f := strings.Fields(string(stat))
	require.Greater(t, len(f), 6)
	return int64(number(t, f[6])) * sector
}
