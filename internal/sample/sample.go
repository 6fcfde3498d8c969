// Package sample is for tests: it finds or makes a file of telemetry to send.
package sample

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Records is how many records the file has. They are of three devices.
const Records = 30162

// File returns the path of the sample telemetry, gzipped record JSON lines without
// id and schema: 30,162 readings of three Raspberry Pi boards, which are not part
// of the module. The file is looked for at the path that RIVULET_SAMPLE names, or
// beside the module, whose root is given. Where it is not there, readings of
// the same shape are generated.
func File(t testing.TB, root string) string {
	t.Helper()
	file := os.Getenv("RIVULET_SAMPLE")
	if file == "" {
		file = filepath.Join(root, "..", "shared", "data", "rpi-telemetry.ndjson.gz")
	}
	if _, err := os.Stat(file); err == nil {
		return file
	}
	t.Logf("no sample telemetry at %s; generating some", file)
	file = filepath.Join(t.TempDir(), "generated.ndjson.gz")
	if err := generate(file); err != nil {
		t.Fatal(err)
	}
	return file
}

func generate(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2020, 7, 13, 0, 0, 0, 0, time.UTC)
	for range Records {
		at = at.Add(time.Duration(rng.IntN(3400)) * time.Millisecond)
		n := rng.IntN(3)
		_, err := fmt.Fprintf(z, `{"device_id":"00:00:00:00:00:%02d","ts":"%s","meta":{"name":"iot-device-%02d"},"readings":`+
			`{"co":%s,"humidity":%s,"light":%t,"lpg":%s,"motion":%t,"smoke":%s,"temp":%s}}`+"\n",
			n, at.Format("2006-01-02T15:04:05.000Z"), n, float(rng.Float64()/100), float(float64(float32(50+rng.IntN(300))/10)), rng.IntN(2) == 0,
			float(rng.Float64()/100), rng.IntN(50) == 0, float(rng.Float64()/50), float(18+float64(rng.IntN(100))/10))
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

func float(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
