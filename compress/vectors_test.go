package compress

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

var update = flag.Bool("update", false, "write the test vectors in testdata/columnar anew")

const (
	vectorDir  = "testdata/columnar"
	damagedDir = vectorDir + "/damaged"
)

// vector is a frame and the records in it.
type vector struct {
	name    string
	schemas []*record.Schema
	records []record.Record
	marks   map[record.ID]record.Mark // of devices and boots
	forged  []byte                    // nil: the frame is what our encoder writes
}

func (v *vector) frame(t *testing.T) []byte {
	if v.forged != nil {
		return v.forged
	}
	var rows []record.Row
	for i := range v.records {
		var schema *record.Schema
		for _, s := range v.schemas {
			if s.Ref() == v.records[i].Schema {
				schema = s
			}
		}
		rows = append(rows, rowsOf(t, schema, v.records[i:i+1])...)
	}
	b := record.NewBatch(record.NewDecoder(v.schemas...))
	b.Set(rows)
	b.SetMark(func(device string, boot uint64) record.Mark { return v.marks[record.ID{Device: device, Boot: boot}] })
	frame, err := Columnar.NewEncoder().AppendFrame(nil, b)
	require.NoError(t, err)
	return frame
}

// files returns what the vector's files hold, by the ends of their names.
func (v *vector) files(t *testing.T) map[string][]byte {
	var lines []byte
	bits, finite := map[string][]string{}, true
	for i := range v.records {
		lines = append(record.AppendJSON(lines, &v.records[i]), '\n')
		for _, rd := range v.records[i].Readings {
			if f := rd.Value.Float(); rd.Value.Kind() == record.Float {
				bits[rd.Name] = append(bits[rd.Name], fmt.Sprintf("%016x", math.Float64bits(f)))
				finite = finite && f-f == 0
			}
		}
	}
	files := map[string][]byte{".frame": v.frame(t), ".ndjson": lines}
	for i, s := range v.schemas {
		doc, err := json.Marshal(s)
		require.NoError(t, err)
		files[".schema"+strings.Repeat("-2", i)+".json"] = append(doc, '\n')
	}
	if marks := v.frameMarks(); len(marks) > 0 {
		doc, err := json.MarshalIndent(marks, "", " ")
		require.NoError(t, err)
		files[".marks.json"] = append(doc, '\n')
	}
	if !finite {
		doc, err := json.MarshalIndent(bits, "", " ")
		require.NoError(t, err)
		files[".bits.json"] = append(doc, '\n')
	}
	return files
}

// frameMark is a mark as marks.json has it.
type frameMark struct {
	Device string   `json:"device_id"`
	Boot   string   `json:"boot"`
	First  uint64   `json:"first"`
	Closed []string `json:"closed"`
}

func newFrameMark(m Mark) frameMark {
	out := frameMark{m.Device, record.FormatBoot(m.Boot), m.First, []string{}}
	for _, closed := range m.Closed {
		out.Closed = append(out.Closed, record.FormatBoot(closed))
	}
	return out
}

// frameMarks returns the marks that the frame has: of what is complete, in the order
// in which devices and boots first come.
func (v *vector) frameMarks() (out []frameMark) {
	at := map[record.ID]int{}
	for i := range v.records {
		id := v.records[i].ID
		pair := record.ID{Device: id.Device, Boot: id.Boot}
		m := v.marks[pair]
		if !m.Complete {
			continue
		}
		if _, ok := at[pair]; !ok {
			at[pair] = len(out)
			out = append(out, newFrameMark(Mark{id.Device, id.Boot, id.Seq, m}))
		}
		first := &out[at[pair]].First
		*first = min(*first, id.Seq)
	}
	return out
}

// TestVectors writes the vectors when it is told to:
//
//	go test ./compress -run TestVectors -update
//
// and otherwise checks that decoding gives the records, and that encoding still
// gives the frame.
func TestVectors(t *testing.T) {
	known := map[string]bool{}
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			frame := v.frame(t)
			for end, content := range v.files(t) {
				known[v.name+end] = true
				path := filepath.Join(vectorDir, v.name+end)
				if *update {
					require.NoError(t, os.MkdirAll(vectorDir, 0o755))
					require.NoError(t, os.WriteFile(path, content, 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				if end == ".frame" {
					frame = want
				}
				require.Equal(t, string(want), string(content), "%s is not what it was. A frame may be written otherwise, as long as what it holds "+
					"stays the same: if that was meant, run this test with -update, and keep the old vector under another name if devices have the old encoder", path)
			}
			n := 0
			var marks []frameMark
			dec := Decoder{Schemas: v.schemas, Marks: func(m Mark) {
				require.Equal(t, len(v.records), n, "marks come behind the records")
				marks = append(marks, newFrameMark(m))
			}}
			require.NoError(t, dec.Decode(frame, func(r *record.Record) error {
				require.True(t, n < len(v.records) && same(r, &v.records[n]), "record %d: %v", n, r)
				n++
				return nil
			}))
			require.Equal(t, len(v.records), n)
			require.Equal(t, v.frameMarks(), marks)
		})
	}
	for name, frame := range damaged(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(damagedDir, name+".frame")
			known["damaged/"+name+".frame"] = true
			if *update {
				require.NoError(t, os.MkdirAll(damagedDir, 0o755))
				require.NoError(t, os.WriteFile(path, frame, 0o644))
			}
			frame, err := os.ReadFile(path)
			require.NoError(t, err)
			lines, err := decoded(frame, 0)
			require.Error(t, err)
			reason, _, _ := strings.Cut(name, ".")
			require.Equal(t, reason, reasonOf(err), "%v", err)
			require.Empty(t, lines)
		})
	}
	if !t.Failed() {
		requireNoOthers(t, known)
	}
}

// requireNoOthers finds files that no vector has any more.
func requireNoOthers(t *testing.T, known map[string]bool) {
	require.NoError(t, filepath.WalkDir(vectorDir, func(path string, d os.DirEntry, err error) error {
		name, rerr := filepath.Rel(vectorDir, path)
		if err != nil || rerr != nil || d.IsDir() || name == "README.md" {
			return err
		}
		require.True(t, known[filepath.ToSlash(name)], "%s is no vector's; delete it", path)
		return nil
	}))
}
