package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

const goldenSpools = "../../internal/spool/testdata/golden"

// The boots in them: of pi-1, of pi-2 and of what was set aside.
const (
	goldenBoot1 = "9f3c0b5e77a1d204"
	goldenBoot2 = "9f3c0b5e77a1d205"
	goldenAside = "0000000000000051"
)

// copySpool copies a golden directory to one that may be changed.
func copySpool(t *testing.T, name string) string {
	dir := filepath.Join(t.TempDir(), "spool")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(goldenSpools, name))))
	return dir
}

// snapshot is all that is in a directory.
func snapshot(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(b)
	}
	return files
}

func unmarshal[T any](t *testing.T, text string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), text)
	return v
}

func TestSpoolLs(t *testing.T) {
	dir := copySpool(t, "v1-damaged")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000000000001-0000000000000000-0000000000000001.bad"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "schema-0000000000000001-00000001.json"), []byte("{}"), 0o600))
	before := snapshot(t, dir)
	code, out, stderr := cli("spool", "ls", "-json", dir)
	require.Zero(t, code, stderr)
	require.Empty(t, stderr)
	l := unmarshal[spoolList](t, out)
	require.Equal(t, []uint64{104, 436, 327, 323, 3}, []uint64{l.Watermark, l.Next, l.Records, l.Pending, l.Lost})
	require.False(t, l.Locked)
	require.Equal(t, "whole", l.Format)
	require.Equal(t, "one of two slots damaged", l.Cursor)
	require.Len(t, l.Segments, 2)
	first, second := l.Segments[0], l.Segments[1]
	require.Equal(t, "whole", first.Health, "its damage is in a body, which ls does not read")
	require.Equal(t, "damaged", second.Health)
	require.Equal(t, []uint64{100, 268, 165, 161, 0}, []uint64{first.First, first.End, first.Records, first.Pending, first.Lost})
	require.Equal(t, "2026-09-21T14:13:25Z", first.OldestWall)
	require.Equal(t, int64(7000), first.WaitedMS)
	require.Equal(t, []spoolDevice{{idRange{"pi-1", goldenBoot1, 1, 166}, 164}, {idRange{"pi-2", goldenBoot2, 1, 164}, 163}}, l.Devices)
	require.Len(t, l.Quarantined, 1)
	require.Equal(t, int64(1), l.Quarantined[0].Bytes)
	require.Len(t, l.Aside, 1)
	require.Equal(t, "env/1", l.Schemas[0].Schema)
	require.Equal(t, "damaged", l.Schemas[1].Health)

	code, out, stderr = cli("spool", "ls", dir)
	require.Zero(t, code, stderr)
	for _, want := range []string{"323 records pending, 3 lost", "no process has it open", "one of two slots damaged", "0000000000000064-…", "100-267",
		"2026-09-21T14:13:25Z to 2026-09-21T14:13:28Z", "DEVICE'S CLOCK", "pi-1", goldenBoot1, "1-166", "schema env/1, whole", "schema, damaged", "set aside", "has waited 7s"} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "\x1b", "colour")
	require.Equal(t, before, snapshot(t, dir), "ls only reads")
}

func TestSpoolVerify(t *testing.T) {
	for name, want := range map[string]spoolVerdict{
		"v1-plain":   {Files: 6, Blocks: 8, Records: 330, Pending: 326},
		"v1-torn":    {Files: 6, Blocks: 7, Records: 328, Pending: 324},
		"v1-damaged": {Files: 6, Blocks: 6, Records: 177, Pending: 326 - 152, Lost: 152, Damaged: true},
	} {
		dir := copySpool(t, name)
		before := snapshot(t, dir)
		code, out, stderr := cli("spool", "verify", "-json", dir)
		v := unmarshal[spoolVerdict](t, out)
		require.Equal(t, want.Damaged, v.Damaged)
		if want.Damaged {
			require.Equal(t, exitFailed, code)
			require.Contains(t, stderr, "repair")
			require.Len(t, v.Found, 4)
			body, hole, head := v.Found[1], v.Found[2], v.Found[3]
			require.Equal(t, "checksum mismatch", body.What)
			require.True(t, body.Damage && !body.Exact)
			require.Equal(t, []uint64{149, 4096}, []uint64{body.Lost, uint64(body.Offset)})
			require.Equal(t, []idRange{{"pi-1", goldenBoot1, 3, 77}, {"pi-2", goldenBoot2, 2, 76}}, body.IDs)
			require.True(t, hole.Damage)
			require.Equal(t, uint64(3), hole.Lost)
			require.Empty(t, hole.IDs)
			require.False(t, head.Damage)
		} else {
			require.Zero(t, code, stderr)
			require.Empty(t, stderr)
		}
		v.Dir, v.Found, v.Bytes = "", nil, 0
		require.Equal(t, want, v)

		code, out, _ = cli("spool", "verify", dir)
		require.Equal(t, want.Damaged, code == exitFailed)
		if want.Damaged {
			require.Contains(t, out, "feed0000.seg: byte 4096, 4 KiB: checksum mismatch; lost: 149 records of these, the others were delivered before: pi-1/"+goldenBoot1+"/3-77, pi-2/"+goldenBoot2+"/2-76\n")
			require.Contains(t, out, "lost: 3 records, of which the ids are not known\n")
		} else {
			require.Contains(t, out, "nothing that was stored is damaged")
		}
		require.Equal(t, before, snapshot(t, dir), "verify only reads")
	}
}

// ids returns the ids in what dump printed.
func ids(t *testing.T, out string) (list []string) {
	for line := range strings.Lines(out) {
		var id struct {
			Device string `json:"device_id"`
			Boot   string `json:"boot"`
			Seq    uint64 `json:"seq"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &id))
		list = append(list, fmt.Sprintf("%s/%s/%d", id.Device, id.Boot, id.Seq))
	}
	return list
}

func TestSpoolDump(t *testing.T) {
	plain, damaged := copySpool(t, "v1-plain"), copySpool(t, "v1-damaged")
	before := snapshot(t, plain)
	code, out, stderr := cli("spool", "dump", plain)
	require.Zero(t, code, stderr)
	require.Len(t, ids(t, out), 326)
	lines := strings.Split(out, "\n")
	require.Equal(t, `{"device_id":"pi-2","boot":"`+goldenBoot2+`","seq":2,"ts":"2026-09-21T14:13:22.000Z","schema":"env/1","readings":{"temperature":20.25,"motion":false}}`, lines[0])
	require.Equal(t, `{"device_id":"pi-1","boot":"`+goldenBoot1+`","seq":4,"ts":"2026-09-21T14:13:24.000Z","readings":{"rssi":-4}}`, lines[1])
	require.Equal(t, `{"device_id":"pi-2","boot":"`+goldenBoot2+`","seq":164,"partition_key":"key","data_base64":"b3BhcXVlAGJ5dGVz"}`, lines[325])
	opaque := 0
	for _, line := range lines[:326] {
		if strings.Contains(line, "data_base64") {
			opaque++
			continue
		}
		_, err := record.ParseJSON([]byte(line))
		require.NoError(t, err)
	}
	require.Equal(t, 2, opaque)

	code, out, stderr = cli("spool", "dump", "-all", "-json", plain)
	require.Zero(t, code, stderr)
	require.Len(t, ids(t, out), 330)

	code, out, stderr = cli("spool", "dump", plain, "-aside") // a flag may come last
	require.Zero(t, code, stderr)
	require.Equal(t, []string{"pi-1/" + goldenAside + "/9"}, ids(t, out))
	require.Equal(t, before, snapshot(t, plain), "dump only reads")

	code, out, stderr = cli("spool", "dump", damaged)
	require.Equal(t, exitFailed, code)
	require.Len(t, ids(t, out), 326-149-3)
	require.Contains(t, stderr, "checksum mismatch; lost: 149 records")
	require.Contains(t, stderr, "2 damaged parts could not be read")

	// Without the schema the rows are still given.
	docs, err := filepath.Glob(filepath.Join(plain, "schema-*"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(docs[0]))
	code, out, stderr = cli("spool", "dump", plain)
	require.Equal(t, exitFailed, code)
	require.Len(t, ids(t, out), 326)
	require.Contains(t, out, "row_base64")
	require.Contains(t, stderr, "could not be decoded")
	require.Equal(t, 11, strings.Count(stderr, "\n"), "not a line for each")
}

func TestSpoolRepair(t *testing.T) {
	dir := copySpool(t, "v1-damaged")
	_, readable, _ := cli("spool", "dump", "-all", dir)
	code, out, stderr := cli("spool", "repair", dir)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "cursor: one of its two slots was damaged")
	require.Contains(t, out, "feed0000.seg: damaged; what can be read of it, 3 blocks, is now in ")
	require.Contains(t, out, "feed0000.bad; 149 records could not be saved")
	require.Contains(t, out, "feed0001.bad; 3 records could not be saved")

	code, out, stderr = cli("spool", "dump", "-all", dir)
	require.Zero(t, code, stderr)
	require.Equal(t, readable, out)
	code, out, stderr = cli("spool", "verify", dir)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "lost before the segment was repaired")
	_, out, _ = cli("spool", "ls", dir)
	require.Contains(t, out, "repaired")
	require.Contains(t, out, "damaged, kept to be looked at, 32 KiB")

	after := snapshot(t, dir)
	code, out, _ = cli("spool", "repair", dir)
	require.Zero(t, code)
	require.Contains(t, out, "there was nothing to repair")
	code, out, _ = cli("spool", "repair", "-json", dir)
	require.Zero(t, code)
	require.JSONEq(t, fmt.Sprintf(`{"dir":%q,"actions":[]}`, dir), out)
	now := snapshot(t, dir)
	delete(now, spool.LockName)
	delete(after, spool.LockName)
	require.Equal(t, after, now)

	dir = copySpool(t, "v1-damaged")
	code, out, _ = cli("spool", "repair", "-json", dir)
	require.Zero(t, code)
	require.Equal(t, 3, strings.Count(out, `"file"`))
}

// A process has the buffer open: reading works and says so, repair refuses.
func TestSpoolLocked(t *testing.T) {
	for _, name := range []string{"v1-plain", "v1-damaged"} {
		dir := copySpool(t, name)
		lock, err := vfs.OS{}.Lock(filepath.Join(dir, spool.LockName))
		require.NoError(t, err)
		before := snapshot(t, dir)
		_, out, _ := cli("spool", "ls", "-json", dir)
		l := unmarshal[spoolList](t, out)
		require.True(t, l.Locked)
		require.Equal(t, os.Getpid(), l.PID)
		for _, verb := range []string{"ls", "verify"} {
			_, out, _ = cli("spool", verb, dir)
			require.Contains(t, out, fmt.Sprintf("process %d has it open", os.Getpid()))
		}
		_, out, _ = cli("spool", "dump", dir)
		require.NotEmpty(t, out)
		code, out, stderr := cli("spool", "repair", dir)
		require.Equal(t, exitFailed, code)
		require.Empty(t, out)
		require.Contains(t, stderr, fmt.Sprintf("process %d has the buffer open; stop it first", os.Getpid()))
		require.Equal(t, before, snapshot(t, dir))
		require.NoError(t, lock.Close())
		code, _, stderr = cli("spool", "repair", dir)
		require.Zero(t, code, stderr)
	}
}

// What the library writes, while it has it open and after.
func TestSpoolOfLibrary(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	buf, err := retry.Open(dir, retry.Options{})
	require.NoError(t, err)
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float})
	require.NoError(t, err)
	doc, err := json.Marshal(schema)
	require.NoError(t, err)
	require.NoError(t, buf.Define(schema.Fingerprint(), doc))
	var boot uint64
	for i := range 500 {
		r := record.Record{Time: time.UnixMilli(1_790_000_000_000), Readings: []record.Reading{{Name: "temperature", Value: record.FloatValue(float64(i))}}}
		row, err := record.AppendRecord(nil, schema, &r, time.Time{})
		require.NoError(t, err)
		boot, _, err = buf.Append(context.Background(), fmt.Sprint("pi-", i%2), row)
		require.NoError(t, err)
	}
	require.NoError(t, buf.Sync(context.Background()))
	check := func(locked bool) {
		code, out, stderr := cli("spool", "ls", "-json", dir)
		require.Zero(t, code, stderr)
		l := unmarshal[spoolList](t, out)
		require.Equal(t, locked, l.Locked)
		require.Equal(t, uint64(500), l.Pending)
		code, out, stderr = cli("spool", "verify", dir)
		require.Zero(t, code, "%s%s", out, stderr)
		code, out, stderr = cli("spool", "dump", dir)
		require.Zero(t, code, stderr)
		list := ids(t, out)
		require.Len(t, list, 500)
		require.Equal(t, fmt.Sprintf("pi-1/%s/250", record.FormatBoot(boot)), list[499])
		slices.Sort(list)
		require.Len(t, slices.Compact(list), 500)
	}
	check(true)
	require.NoError(t, buf.Close())
	check(false)
	code, out, stderr := cli("spool", "repair", dir)
	require.Zero(t, code, stderr)
	require.Contains(t, out, "nothing to repair")
	buf, err = retry.Open(dir, retry.Options{})
	require.NoError(t, err)
	require.Equal(t, uint64(500), buf.Ledger().Recovered)
	require.NoError(t, buf.Close())
}
