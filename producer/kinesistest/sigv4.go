package kinesistest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AWS Signature Version 4, from the server's side.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigTime      = "20060102T150405Z"
	sigService   = "kinesis"
)

// authorization is a parsed Authorization header.
type authorization struct {
	keyID, date, region, service string
	signedHeaders                []string
	signature                    string
}

func parseAuthorization(header string) (authorization, error) {
	var a authorization
	rest, ok := strings.CutPrefix(header, sigAlgorithm+" ")
	if !ok {
		return a, errf(codeIncomplete, "Authorization header must begin with %s.", sigAlgorithm)
	}
	fields := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return a, errf(codeIncomplete, "Authorization header requires '%s' parameter.", name)
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return a, errf(codeIncomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request, got %s", quoted(fields["Credential"]))
	}
	a.keyID, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
	a.signedHeaders = strings.Split(fields["SignedHeaders"], ";")
	a.signature = fields["Signature"]
	return a, nil
}

// authenticate checks who signed a request, for what, when, and that it is
// unchanged. It answers as AWS does, with messages that help to find the cause.
func (s *Server) authenticate(r *http.Request, body []byte, now time.Time) error {
	header := r.Header.Get("Authorization")
	if header == "" {
		return errf("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	a, err := parseAuthorization(header)
	if err != nil {
		return err
	}
	signed, err := time.Parse(sigTime, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return errf(codeIncomplete, "Authorization header requires existence of an 'X-Amz-Date' header of the form %s, got %s.", sigTime, quoted(r.Header.Get("X-Amz-Date")))
	}
	if a.keyID != AccessKeyID {
		return errf("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	token := r.Header.Get("X-Amz-Security-Token")
	s.mu.Lock()
	expired := token != "" && s.expired[token]
	s.mu.Unlock()
	if expired {
		return errf(codeExpiredToken, "%s", messageOf(codeExpiredToken))
	}
	if err := a.checkScope(s.config.Region, signed, now); err != nil {
		return err
	}
	if err := a.checkHeaders(r); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(a.signature), []byte(a.sign(r, body))) != 1 {
		return errf(codeInvalidSignature, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// checkScope checks what the signature is good for.
func (a authorization) checkScope(region string, signed, now time.Time) error {
	at := func(t time.Time) string { return t.UTC().Format(sigTime) }
	switch {
	case a.service != sigService:
		return errf(codeInvalidSignature, "Credential should be scoped to correct service: '%s', got %s.", sigService, quoted(a.service))
	case a.region != region:
		return errf(codeInvalidSignature, "Credential should be scoped to a valid region: '%s', got %s.", region, quoted(a.region))
	case a.date != at(signed)[:8]:
		return errf(codeInvalidSignature, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: %s != '%s'.", quoted(a.date), at(signed)[:8])
	case signed.Before(now.Add(-maxSkew).Truncate(time.Second)):
		return errf(codeInvalidSignature, "Signature expired: %s is now earlier than %s (%s - 5 min.)", at(signed), at(now.Add(-maxSkew)), at(now))
	case signed.After(now.Add(maxSkew)):
		return errf(codeInvalidSignature, "Signature not yet current: %s is still later than %s (%s + 5 min.)", at(signed), at(now.Add(maxSkew)), at(now))
	}
	return nil
}

// checkHeaders checks that the signature covers the host and every x-amz header.
func (a authorization) checkHeaders(r *http.Request) error {
	must := []string{"host", "x-amz-date"}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			must = append(must, name)
		}
	}
	for _, name := range must {
		if !slices.Contains(a.signedHeaders, name) {
			return errf(codeInvalidSignature, "'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}

// sign computes the signature that the request should have.
func (a authorization) sign(r *http.Request, body []byte) string {
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL) + "\n")
	names := slices.Clone(a.signedHeaders)
	slices.Sort(names)
	for _, name := range names {
		canonical.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	canonical.WriteString("\n" + strings.Join(names, ";") + "\n" + hexHash(body))

	scope := a.date + "/" + a.region + "/" + a.service + "/aws4_request"
	toSign := sigAlgorithm + "\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hexHash([]byte(canonical.String()))
	key := []byte("AWS4" + SecretAccessKey)
	for _, part := range []string{a.date, a.region, a.service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func canonicalPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// canonicalQuery sorts the query and encodes it with %20 for spaces.
func canonicalQuery(u *url.URL) string {
	return strings.ReplaceAll(u.Query().Encode(), "+", "%20")
}

// headerValue returns the value of a signed header: values of one name joined by
// commas, runs of spaces as one. Two headers are not where the others are.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(trimmed, ",")
}
