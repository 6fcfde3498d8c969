package guard

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

func TestHide(t *testing.T) {
	const token, key = "IQoJb3JpZ2lu/X2VjEXAMPLE+token==", "local-key-id"
	signature := strings.Repeat("0123456789abcdef", 4)
	r := &http.Request{Header: http.Header{"X-Amz-Security-Token": {token},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=" + key + "/2026/x, SignedHeaders=host, Signature=" + signature}}}
	doc := `{"message":"` + token + token + ` ` + strings.ReplaceAll(token, "/", `\/`) + ` ` + url.QueryEscape(token) + ` ` + key + ` ` + signature + `"}`
	b := []byte(doc)
	hide(b, r)
	require.Len(t, b, len(doc))
	require.NotContains(t, string(b), "IQoJ")
	require.NotContains(t, string(b), key)
	require.NotContains(t, string(b), "0123456789")
	require.True(t, strings.HasPrefix(string(b), `{"message":"***`) && strings.HasSuffix(string(b), `***"}`))
	hide(b, &http.Request{Header: http.Header{}})
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"localhost.example.com": false, "0.0.0.0": false, "10.0.0.1": false, "": false} {
		require.Equal(t, want, Loopback(host), host)
	}
}

// TestEncodedAnswers: nothing is unpacked that was not asked for.
func TestEncodedAnswers(t *testing.T) {
	r := &http.Request{URL: &url.URL{Scheme: "https", Host: "kinesis"}, Header: http.Header{}}
	for status, code := range map[int]string{200: failure.CodeEmptyResponse, 400: failure.CodeHTTP4xx, 500: failure.CodeHTTP5xx} {
		for encoding, refused := range map[string]bool{"gzip": true, "br": true, "GZIP, gzip": true, "identity": false, "": false} {
			resp := &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("{}")),
				Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "Content-Encoding": {encoding}}}
			err := look(r, resp)
			require.Equal(t, refused, err != nil, "%q", encoding)
			if refused {
				require.Equal(t, code, codeOf(t, err))
			}
		}
	}
}
