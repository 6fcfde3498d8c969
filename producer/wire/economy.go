package wire

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// Each economy (bodies in CBOR; few headers, which a signature covers just so;
// headers compressed in our own way) is something that an endpoint, or what stands
// before it, may not take. A refusal is not believed but tried: the same call goes
// out again in a plainer form. Only if that works was it the economy, and then it
// is left out for a while.
const (
	// refusedFor is how long an economy that was refused is left out. After that, one
	// call finds out whether it still is.
	refusedFor = time.Hour
	// futileFor is how long no plainer form is tried after none of them worked: then
	// it was something else.
	futileFor = 10 * time.Minute
)

// refusal is the memory of one economy's refusal.
type refusal struct {
	mu    sync.Mutex
	until time.Time
}

func (r *refusal) set(d time.Duration) {
	r.mu.Lock()
	r.until = time.Now().Add(d)
	r.mu.Unlock()
}

func (r *refusal) stands() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until)
}

// form is how a request is written.
type form struct {
	json  bool // not CBOR
	plain bool // all headers of the SDK, as net/http compresses them
}

// formKey is the key of a stack value: the form of the call under way.
type formKey struct{}

func formOf(ctx context.Context) form {
	f, _ := middleware.GetStackValue(ctx, formKey{}).(form)
	return f
}

// economies chooses the form of each call. It is safe for concurrent use.
type economies struct {
	never form // what is left out for good

	cbor, headers refusal
	futile        refusal
}

// choose stands before the SDK's retries and everything that is made afresh for a
// request.
func (e *economies) choose(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	f := form{json: e.never.json || e.cbor.stands() || inJSON[middleware.GetOperationName(ctx)], plain: e.never.plain || e.headers.stands()}
	try := func(f form) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(middleware.WithStackValue(ctx, formKey{}, f), in)
	}
	out, meta, err := try(f)
	doubt := doubts(f, err)
	if doubt == (form{}) || e.futile.stands() {
		return out, meta, err
	}
	for _, plainer := range []struct {
		of      *refusal
		skip    bool
		without form
	}{
		{&e.cbor, !doubt.json, form{json: true, plain: f.plain}},
		{&e.headers, !doubt.plain, form{json: f.json || doubt.json, plain: true}},
	} {
		if plainer.skip {
			continue
		}
		o, m, again := try(plainer.without)
		switch code := codeOf(again); {
		case again == nil, code != "" && code != codeOf(err) && doubts(plainer.without, again) == form{}:
			plainer.of.set(refusedFor)
			return o, m, again
		case code == "" && doubts(plainer.without, again) == form{} && !refused(again):
			return o, m, again // it says nothing about the form, and may have been stored
		}
	}
	e.futile.set(futileFor)
	return out, meta, err
}

// doubts returns which economies of a form an error may be about. Nothing is stored
// by a call that ends in one.
func doubts(f form, err error) form {
	if err == nil {
		return form{}
	}
	var foreign *failure.Error
	var resp *smithyhttp.ResponseError
	status, kind, code := statusOf(err), "", codeOf(err)
	if errors.As(err, &resp) && resp.Response != nil {
		kind = resp.Response.Header.Get("Content-Type")
	}
	switch {
	case status < 400 || status >= 500 || othersCause[status]:
		return form{}
	case code == "InvalidSignatureException" || code == "SignatureDoesNotMatch":
		return form{plain: !f.plain && strings.Contains(err.Error(), "does not match")} // else it is clock or region
	case code == "IncompleteSignatureException" || code == "IncompleteSignature" || strings.HasPrefix(code, "MissingAuthenticationToken"):
		return form{plain: !f.plain}
	case strings.Contains(kind, "cbor"):
		return form{} // it was read, and answered in kind
	case !errors.As(err, &foreign):
		return form{json: !f.json} // one that speaks JSON only
	}
	return form{json: !f.json, plain: !f.plain}
}

// othersCause are the refusals that are not about the form: a proxy's login, too late,
// too large (which JSON would only be more), too many.
var othersCause = map[int]bool{401: true, 407: true, 408: true, 413: true, 425: true, 429: true, 431: true}

// refused reports whether an error is a refusal: nothing was stored.
func refused(err error) bool { s := statusOf(err); return s >= 400 && s < 500 }

// statusOf returns the HTTP status of the answer that an error is about, 0 if there
// was none.
func statusOf(err error) int {
	var foreign *failure.Error
	var resp *smithyhttp.ResponseError
	switch {
	case errors.As(err, &foreign):
		return foreign.Status
	case errors.As(err, &resp) && resp.Response != nil:
		return resp.HTTPStatusCode()
	}
	return 0
}

// codeOf returns the code of AWS in an error, or "".
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "UnknownError" {
		return api.ErrorCode()
	}
	return ""
}
