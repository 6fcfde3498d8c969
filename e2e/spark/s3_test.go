package spark

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// The lake is in S3, where there are no folders and no renaming, and the job is
// killed before a commit.
func TestS3(t *testing.T) {
	url, python, jars := endpoint(t), python41(t), tools.Path(t, "spark-setup.sh", "s3a", "jars")
	storage := s3mem.New()
	require.NoError(t, storage.CreateBucket("lake"))
	server := httptest.NewServer(gofakes3.New(storage).Server())
	t.Cleanup(server.Close)

	s := newStream(t, "s3")
	var payloads []payload
	for n := range 3 {
		payloads = append(payloads, malformed(t, n)...)
	}
	var entries []types.PutRecordsRequestEntry
	for _, p := range payloads {
		entries = append(entries, p.entry())
	}
	at := s.put(entries...)

	script := render(t, t.TempDir(), 1)
	args := []string{"--lake", "s3://lake", "--stream", s.name, "--endpoint-url", url, "--trigger", "available-now"}
	env := []string{"S3=" + server.URL, "S3A=" + jars}
	killAt(t, python, script, "", "committing:1", env, args)
	start(t, python, script, env, args...).wait()

	lake := download(t, storage, "lake")
	rows, letters := readLake(t, lake)
	requireChaos(t, rows, nil, payloads, false)
	requireLetters(t, s.name, letters, payloads, at, 0)

	// Letters of several days, and a line that is none, come back below the days that they are of, and the file goes.
	lines := `{"data":"e2JhZA==","arrival_time":"2024-05-06T00:00:00Z"}` + "\n" +
		`{"data":"e2JhZA==","arrival_time":"2025-12-31T23:59:59.999Z","replayed":3}` + "\n" + "\xff no letter\n"
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/lake/replay/env/by-hand/x.json", strings.NewReader(lines))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(put)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	start(t, python, script, env, args...).wait()
	_, all := readLake(t, download(t, storage, "lake"))
	require.Len(t, all, len(letters)+3)
	replayed := map[string]int{} // by day
	for _, l := range all {
		if l.Replayed > 0 && l.Partition != time.Now().UTC().Format("year=2006/month=01/day=02") {
			require.Equal(t, "json", l.Reason)
			require.Equal(t, "{bad", string(l.Data))
			replayed[l.Partition] = l.Replayed
		} else if l.Replayed > 0 {
			require.Contains(t, string(l.Data), "\xff no letter")
		}
	}
	require.Equal(t, map[string]int{"year=2024/month=05/day=06": 1, "year=2025/month=12/day=31": 4}, replayed)
}

// download copies a bucket into a directory.
func download(t *testing.T, storage gofakes3.Backend, bucket string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	list, err := storage.ListBucket(bucket, nil, gofakes3.ListBucketPage{})
	require.NoError(t, err)
	require.False(t, list.IsTruncated)
	for _, object := range list.Contents {
		o, err := storage.GetObject(bucket, object.Key, nil)
		require.NoError(t, err)
		data, err := io.ReadAll(o.Contents)
		require.NoError(t, err)
		file := filepath.Join(dir, filepath.FromSlash(object.Key))
		if object.Key[len(object.Key)-1] == '/' {
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, data, 0o644))
	}
	return dir
}
