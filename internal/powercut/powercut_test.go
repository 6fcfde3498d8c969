//go:build linux

package powercut

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/retry"
)

// id names an entry for ever.
type id struct {
	device string
	boot   uint64
	seq    uint64
}

// told is what the log has said so far.
type told struct {
	read    int // bytes
	boots   []uint64
	most    map[id]uint64 // of device and boot: the last that may have been put
	acked   map[id]bool
	spooled map[id]bool // and not finished
	due     map[id]bool // of these, what must be there after the cut
	cut     bool        // the power is: what is acknowledged now was not before
	found   map[id]bool // in the buffer, by a process that starts
}

// TestPowerCut copies the image of a mounted file system while a process writes
// to the buffer in it, mounts the copy, and looks for all that the process was
// told was stored. POWERCUT is how often.
func TestPowerCut(t *testing.T) {
	cuts, err := strconv.Atoi(os.Getenv("POWERCUT"))
	if err != nil {
		t.Skip("run by scripts/powercut.sh")
	}
	requireMounts(t)
	kernel := run(t, "uname", "-r")
	cases := []struct{ options, mode string }{
		{"data=ordered", "group"}, {"data=writeback", "group"}, {"data=ordered", "always"}, {"data=writeback", "always"},
	}
	for i, c := range cases {
		t.Run(c.options+" "+c.mode, func(t *testing.T) {
			n := cuts/len(cases) + min(1, max(0, cuts%len(cases)-i))
			r := &rig{t: t, work: workDir(t), mode: c.mode, options: c.options, rng: rand.New(rand.NewPCG(uint64(i), 1))}
			r.cut(n)
			t.Logf("Linux %s, ext4 with %s, %s, sync %s: %d cuts; %d records were spooled and not finished, all there; %d others came back as they were put; %d were evicted in the moment of a kill -9",
				kernel, c.options, r.how, c.mode, n, r.checked, r.others, r.unsaid)
		})
	}
}

type rig struct {
	t               testing.TB
	work            string
	mode, options   string
	rng             *rand.Rand
	told            told
	disk            *image
	process         *exec.Cmd
	how             string
	checked, others int
	unsaid          int
}

func (r *rig) logName() string { return filepath.Join(r.work, "log") }

// start starts the process, and waits until it has stored something.
func (r *rig) start() {
	boots := len(r.told.boots)
	r.process = exec.Command(os.Args[0])
	r.process.Env = append(os.Environ(), writerDir+"="+filepath.Join(r.disk.dir, "spool"), writerMode+"="+r.mode, writerLog+"="+r.logName())
	r.process.Stderr = os.Stderr
	require.NoError(r.t, r.process.Start())
	r.await(func(string) bool {
		for x := range r.told.spooled {
			if len(r.told.boots) > boots && x.boot == r.told.boots[boots] {
				return true
			}
		}
		return false
	})
}

func (r *rig) kill() {
	if r.process != nil {
		_ = r.process.Process.Kill()
		_ = r.process.Wait()
		r.process = nil
	}
}

// cut cuts the power n times.
func (r *rig) cut(n int) {
	require.NoError(r.t, os.WriteFile(r.logName(), nil, 0o600))
	r.told = told{most: map[id]uint64{}, acked: map[id]bool{}, spooled: map[id]bool{}, found: map[id]bool{}}
	r.disk = newImage(r.t, r.work, r.options)
	r.t.Cleanup(r.kill)
	for i := range n {
		if i%4 == 0 { // now and then it is killed, and started again
			r.kill()
			r.start()
		}
		time.Sleep(time.Duration(50+r.rng.IntN(700)) * time.Millisecond)
		r.once(filepath.Join(r.work, fmt.Sprint("cut", i)))
		if r.t.Failed() {
			return
		}
	}
}

// once cuts the power once.
func (r *rig) once(dir string) {
	t := r.t
	require.NoError(t, os.Mkdir(dir, 0o700))
	copied := &image{filepath.Join(dir, "disk.img"), filepath.Join(dir, "mnt")}
	pid := r.process.Process.Pid
	size := r.logSize()
	r.how = "cloned while it was written to"
	if !r.disk.clone(t, copied.file) {
		r.how = "copied with the process stopped"
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		for !stopped(t, pid) {
			time.Sleep(time.Millisecond)
		}
		size = r.logSize()
		r.disk.collect(t, copied.file)
		require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
	}
	r.listen(size)
	r.told.due = maps.Clone(r.told.spooled)
	r.listen(r.logSize())
	r.told.cut = true

	// What was evicted before the cut may be said after it.
	require.NoError(t, syscall.Kill(pid, syscall.SIGUSR1))
	r.await(func(line string) bool { return line == "M" })
	r.told.cut = false

	copied.mount(t, r.options)
	r.verify(filepath.Join(copied.dir, "spool"))
	copied.unmount(t)
	require.NoError(t, os.RemoveAll(dir))
}

// verify opens what the cut left.
func (r *rig) verify(dir string) {
	t := r.t
	b, err := retry.Open(dir, retry.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	require.NoError(t, b.Health().Err)
	back := map[id]bool{}
	last := map[string]id{}
	for es := b.Next(64 << 10); len(es) > 0; es = b.Next(64 << 10) {
		for _, e := range es {
			x := id{e.Device, e.Boot, e.Seq}
			if e.Device == herald {
				require.Equal(t, string(row(herald, 0, 1)), string(e.Data), "%v", x)
				back[x] = true
				continue
			}
			require.Equal(t, string(row(e.Device, e.Boot, e.Seq)), string(e.Data), "%v", x)
			require.LessOrEqual(t, e.Seq, r.told.most[id{e.Device, e.Boot, 0}], "%v was never put", x)
			require.Contains(t, r.told.boots, e.Boot)
			if l, ok := last[e.Device]; ok {
				i, j := slices.Index(r.told.boots, l.boot), slices.Index(r.told.boots, e.Boot)
				require.True(t, i < j || i == j && l.seq < e.Seq, "%v comes after %v", x, l)
			}
			last[e.Device], back[x] = x, true
		}
		b.Return(es[0].Index, es[len(es)-1].Index)
	}
	missing := []id{}
	for x := range r.told.due {
		if !back[x] {
			missing = append(missing, x)
		}
	}
	r.checked += len(r.told.due)
	r.others += len(back) - len(r.told.due)
	require.Empty(t, missing, "spooled, and lost")
	l := b.Ledger()
	require.True(t, l.Balanced(), "%+v", l)
	require.Zero(t, l.Corrupt, "a power cut damages nothing that was stored: %v", b.Sweep())
	require.NoError(t, b.Close())
	again, err := retry.Open(dir, retry.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	require.EqualValues(t, len(back), again.Ledger().Pending, "recovery changes nothing")
	require.NoError(t, again.Close())
}

// stopped tells whether all threads of the process are.
func stopped(t testing.TB, pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, threads)
	for _, name := range threads {
		stat, err := os.ReadFile(name)
		_, state, _ := strings.Cut(string(stat), ") ")
		if err == nil && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

func (r *rig) logSize() int {
	info, err := os.Stat(r.logName())
	require.NoError(r.t, err)
	return int(info.Size())
}

// await listens until a line makes it true.
func (r *rig) await(enough func(line string) bool) {
	for began := time.Now(); !r.listen(r.logSize(), enough); time.Sleep(5 * time.Millisecond) {
		require.Less(r.t, time.Since(began), time.Minute, "the process says nothing any more")
	}
}

// listen reads the log up to that size, and returns whether one of the lines is
// what is waited for.
func (r *rig) listen(size int, enough ...func(line string) bool) (yes bool) {
	f, err := os.Open(r.logName())
	require.NoError(r.t, err)
	b := make([]byte, size-r.told.read)
	_, err = f.ReadAt(b, int64(r.told.read))
	require.NoError(r.t, err)
	require.NoError(r.t, f.Close())
	for line := range strings.Lines(string(b)) {
		if !strings.HasSuffix(line, "\n") { // half of it
			break
		}
		r.told.read += len(line)
		line = strings.TrimSpace(line)
		r.hear(strings.Fields(line))
		for _, is := range enough {
			yes = yes || is(line)
		}
	}
	return yes
}

// hear takes in a line of the log.
func (r *rig) hear(f []string) {
	d := &r.told
	number := func(i int) uint64 { return number(r.t, f[i]) }
	switch f[0] {
	case "R":
		d.found[id{f[1], number(2), number(3)}] = true
	case "B": // what the one before evicted, and was killed before it said so
		d.boots = append(d.boots, number(1))
		were := len(d.spooled)
		maps.DeleteFunc(d.spooled, func(x id, _ bool) bool { return !d.found[x] })
		require.Less(r.t, were-len(d.spooled), 700, "more than a segment is gone that nobody said was evicted")
		r.unsaid += were - len(d.spooled)
		clear(d.found)
	case "P":
		d.most[id{f[1], number(2), 0}] = number(3)
	case "A":
		x := id{f[1], number(2), number(3)}
		d.acked[x] = true
		delete(d.spooled, x)
		if !d.cut {
			delete(d.due, x)
		}
	case "S", "E":
		require.Len(r.t, f, 5, "entries without a name are lost: %q", f)
		for seq := number(3); seq <= number(4); seq++ {
			x := id{f[1], number(2), seq}
			if f[0] == "E" {
				delete(d.spooled, x)
				delete(d.due, x)
			} else if !d.acked[x] {
				d.spooled[x] = true
			}
		}
	}
}

func number(t testing.TB, s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	require.NoError(t, err)
	return n
}
