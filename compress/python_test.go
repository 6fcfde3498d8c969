package compress

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

const pythonDir = "../backend/python"

// python returns the interpreter, or skips the test where there is none.
func python(t *testing.T) string {
	// The go command reuses an old result unless a file that the test opened has changed.
	files, err := filepath.Glob(pythonDir + "/*.py")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2)
	for _, file := range files {
		_, err := os.ReadFile(file)
		require.NoError(t, err)
	}
	path, err := exec.LookPath("python3")
	if err == nil {
		return path
	}
	const missing = "python3 not found; the decoder in Python is NOT TESTED (Debian: apt-get install python3; macOS: brew install python)"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func TestPythonDecoder(t *testing.T) {
	cmd := exec.Command(python(t), "-B", "test_rivulet_frames.py")
	cmd.Dir = pythonDir
	vectors, err := filepath.Glob("testdata/columnar/*")
	require.NoError(t, err)
	for _, v := range vectors { // as above
		_, _ = os.ReadFile(v)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// pythonServer answers requests, each a schemas' JSON array, a limit in decimal and
// a frame, with a status, "ok" or the reason of the error, the records so far, and the marks.
const pythonServer = `
import json, struct, sys
import rivulet_frames as rf
rx, tx = sys.stdin.buffer, sys.stdout.buffer
def read():
    size = rx.read(4)
    if not size: sys.exit()
    return rx.read(struct.unpack("<I", size)[0])
while True:
    schemas, limit, frame = [rf.Schema.parse(json.dumps(s)) for s in json.loads(read())], int(read()), read()
    status, lines = "ok", []
    try:
        for record in rf.decode(frame, schemas, limit):
            lines.append(rf.to_json(record) + "\n")
    except rf.FrameError as e:
        status = e.reason
    marks = rf.series(frame, schemas, limit).marks if status == "ok" and rf.sniff(frame) == "columnar" else []
    marks = [dict(zip(("device_id", "boot", "first", "closed"), m)) for m in marks]
    for part in status.encode(), "".join(lines).encode(), json.dumps(marks).encode():
        tx.write(struct.pack("<I", len(part)) + part)
    tx.flush()
`

type pythonProcess struct {
	t  *testing.T
	tx *bufio.Writer
	rx *bufio.Reader
}

func startPython(t *testing.T) *pythonProcess {
	cmd := exec.Command(python(t), "-B", "-c", pythonServer)
	cmd.Dir = pythonDir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		require.NoError(t, cmd.Wait())
	})
	return &pythonProcess{t, bufio.NewWriter(in), bufio.NewReader(out)}
}

func (p *pythonProcess) decode(frame []byte, limit string, schemas []*record.Schema) (status, lines string, marks []frameMark) {
	docs, err := json.Marshal(append([]*record.Schema{}, schemas...))
	require.NoError(p.t, err)
	for _, part := range [][]byte{docs, []byte(limit), frame} {
		require.NoError(p.t, binary.Write(p.tx, binary.LittleEndian, uint32(len(part))))
		_, err = p.tx.Write(part)
		require.NoError(p.t, err)
	}
	require.NoError(p.t, p.tx.Flush())
	answer := func() string {
		var size uint32
		require.NoError(p.t, binary.Read(p.rx, binary.LittleEndian, &size), "the Python process ended")
		part := make([]byte, size)
		_, err := io.ReadFull(p.rx, part)
		require.NoError(p.t, err)
		return string(part)
	}
	status, lines = answer(), answer()
	require.NoError(p.t, json.Unmarshal([]byte(answer()), &marks))
	return status, lines, marks
}

func rounds(normal int) int {
	if os.Getenv("TORTURE") != "" {
		return 40 * normal
	}
	return normal
}

// TestPythonReadsTheSame has Python decode what Go encodes: the records must be
// the same, byte for byte of their JSON.
func TestPythonReadsTheSame(t *testing.T) {
	p := startPython(t)
	enc := map[int]Encoder{0: Gzip.NewEncoder(), 1: None.NewEncoder()}
	columnar := Columnar.NewEncoder()
	for seed := range rounds(500) {
		b, schemas := seeded(uint64(seed), 20_000).batch()
		if b.Len() == 0 {
			continue
		}
		e := enc[seed%20]
		if e == nil {
			e = columnar
		}
		frame, err := e.AppendFrame(nil, b)
		require.NoError(t, err)
		status, lines, marks := p.decode(frame, "67108864", schemas)
		require.Equal(t, "ok", status, "seed %d", seed)
		if want := string(jsonOf(t, b)); lines != want {
			require.Equal(t, want, lines, "seed %d", seed)
		}
		require.Equal(t, marksOf(t, frame, schemas), marks, "seed %d", seed)
	}
}

// TestPythonRefusesTheSame has both decoders read damaged frames. Where a frame has
// several faults, they may find another one first.
func TestPythonRefusesTheSame(t *testing.T) {
	p := startPython(t)
	const limit, limitText = 1 << 20, "1048576"
	enc := Columnar.NewEncoder()
	reasons := map[string]int{}
	for seed := range rounds(3000) {
		b, schemas := seeded(uint64(seed/4), 2000).batch()
		if b.Len() == 0 {
			continue
		}
		frame, err := enc.AppendFrame(nil, b)
		require.NoError(t, err)
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		for range 1 + rng.IntN(3) {
			at := columnarHead + rng.IntN(len(frame)-columnarHead+1)
			switch rng.IntN(4) {
			case 0:
				frame = frame[:at]
			case 1:
				frame = append(frame[:at:at], byte(rng.Uint32()))
			default:
				if at < len(frame) {
					frame[at] ^= 1 << rng.IntN(8)
				}
			}
		}
		mend(frame)
		want, err := decoded(frame, limit, schemas...)
		status, lines, marks := p.decode(frame, limitText, schemas)
		reasons[status]++
		require.Equal(t, err == nil, status == "ok", "seed %d: Go: %v; Python: %s; %x", seed, err, status, frame)
		if lines != string(want) {
			require.Equal(t, string(want), lines, "seed %d", seed)
		}
		if err == nil {
			require.Equal(t, marksOf(t, frame, schemas), marks, "seed %d", seed)
		}
		if reason := reasonOf(err); reason != status {
			t.Logf("seed %d: Go: %v, Python: %s", seed, err, status)
		}
	}
	for _, reason := range []string{"ok", "corrupt", "too_large", "schema"} {
		require.NotZero(t, reasons[reason], reason)
	}
}

// marksOf returns the marks of a frame that can be read.
func marksOf(t require.TestingT, frame []byte, schemas []*record.Schema) []frameMark {
	marks := []frameMark{}
	dec := Decoder{Schemas: schemas, Marks: func(m Mark) { marks = append(marks, newFrameMark(m)) }}
	require.NoError(t, dec.Decode(frame, func(*record.Record) error { return nil }))
	return marks
}

// reasonOf names an error of Decode.
func reasonOf(err error) string {
	for reason, is := range map[string]error{"format": ErrFormat, "corrupt": ErrCorrupt, "too_large": ErrTooLarge, "schema": ErrSchema} {
		if errors.Is(err, is) {
			return reason
		}
	}
	return "ok"
}

// TestPythonWritesFloatsTheSame compares the texts of floats of all sizes.
func TestPythonWritesFloatsTheSame(t *testing.T) {
	p := startPython(t)
	rng := rand.New(rand.NewPCG(3, 3))
	for range rounds(10) {
		var rows []record.Row
		for i := range 4000 {
			f := math.Float64frombits(rng.Uint64())
			switch {
			case i%4 == 1: // about where the layout changes
				f = math.Copysign(math.Pow(10, float64(rng.IntN(30)-9)), f)
				f = []float64{f, math.Nextafter(f, 0), math.Nextafter(f, 2*f)}[rng.IntN(3)]
			case i%4 == 2:
				f = float64(rng.Int64()) / math.Pow(10, float64(rng.IntN(25)))
			case f-f != 0:
				f = 0
			}
			r := record.Record{ID: record.ID{Device: "d", Seq: 1}, Readings: []record.Reading{{Name: "f", Value: record.FloatValue(f)}}}
			row, err := record.AppendRecord(nil, nil, &r, r.Time)
			require.NoError(t, err)
			rows = append(rows, record.Row{ID: r.ID, Data: row})
		}
		b := record.NewBatch(record.NewDecoder())
		b.Set(rows)
		frame, err := None.NewEncoder().AppendFrame(nil, b)
		require.NoError(t, err)
		status, lines, _ := p.decode(frame, "67108864", nil)
		require.Equal(t, "ok", status)
		require.Equal(t, string(frame)+"\n", lines)
	}
}
