package backend

import (
	"encoding/json"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

func TestRender(t *testing.T) {
	m := backendtest.Model(t)
	files, err := Render(m)
	require.NoError(t, err)
	byPath := map[string][]byte{}
	for i, f := range files {
		require.Equal(t, path.Clean(f.Path), f.Path)
		require.False(t, path.IsAbs(f.Path))
		require.NotEmpty(t, f.Data, f.Path)
		require.Equal(t, byte('\n'), f.Data[len(f.Data)-1], "%s does not end a line", f.Path)
		if i > 0 {
			require.Less(t, files[i-1].Path, f.Path, "sorted")
		}
		byPath[f.Path] = f.Data
	}
	require.Equal(t, m.JSON(), byPath["model.json"])
	require.Equal(t, "device_id,site,model\n", string(byPath["registry/devices.csv"]))
	require.Contains(t, byPath, "glue/env_stream_etl.py")
	require.NotContains(t, byPath, "lambda/handler.py")
	for i, name := range []string{"schema/env-v1.json", "schema/env-v2.json"} {
		s, err := record.ParseSchema(byPath[name])
		require.NoError(t, err)
		require.Equal(t, m.Versions[i].Fingerprint(), s.Fingerprint())
		require.Equal(t, m.Versions[i].Fields(), s.Fields())
	}
	again, err := Render(backendtest.Model(t))
	require.NoError(t, err)
	require.Equal(t, files, again, "always the same")
}

func TestRenderRefusesTwoOfAPath(t *testing.T) {
	all := parts
	defer func() { parts = all }()
	parts = append(parts, func(m *model.Model) (map[string][]byte, error) {
		return map[string][]byte{"model.json": []byte("{}\n")}, nil
	})
	_, err := Render(backendtest.Model(t))
	require.EqualError(t, err, "render: model.json comes from two parts")
	parts = []part{func(*model.Model) (map[string][]byte, error) { return nil, json.Unmarshal([]byte("{"), &struct{}{}) }}
	_, err = Render(backendtest.Model(t))
	require.ErrorContains(t, err, "render: unexpected end")
}
