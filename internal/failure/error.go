package failure

// Error is a failure whose code is known where it is noticed.
type Error struct {
	Code   string // one of the table
	Status int    // of the HTTP answer, 0 if there was none
	Err    error  // in words
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the failure in words.
func (e *Error) Unwrap() error { return e.Err }

// NotSent wraps the error of a call whose request was not handed to the network
// to its end. Kinesis acts on a whole request only, whose hash is signed, so nothing
// of it was stored.
type NotSent struct {
	Begun     bool // some of it was handed over
	Handshake bool // it was TLS that did not come about
	Err       error
}

func (e *NotSent) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *NotSent) Unwrap() error { return e.Err }
