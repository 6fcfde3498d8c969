package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxJSONBytes is the most that ParseJSON reads: the longest record JSON that a
// valid record can have is shorter.
const MaxJSONBytes = 1 << 20

// ErrJSON is wrapped by every error of [ParseJSON].
var ErrJSON = errors.New("record: not record JSON")

// ParseJSON reads one record from one line of record JSON. It is strict, so
// that nothing is dropped unseen: unknown members, members given twice, null,
// nested values and integers beyond 64 bits are errors that name them. A number
// without point or exponent is an Int, any other a Float. What it returns
// shares no memory with data.
func ParseJSON(data []byte) (Record, error) {
	var r Record
	if len(data) > MaxJSONBytes {
		return r, fmt.Errorf("%w: %d bytes, the limit is %d", ErrJSON, len(data), MaxJSONBytes)
	}
	if !utf8.Valid(data) {
		return r, fmt.Errorf("%w: not valid UTF-8", ErrJSON)
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	p.object("record", func(key string, tok json.Token) { p.member(&r, key, tok) })
	if p.err == nil {
		if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
			p.fail("something follows the closing brace")
		}
	}
	if p.err == nil && r.ID.Device == "" {
		p.fail("device_id is missing")
	}
	if p.err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrJSON, p.err)
	}
	return r, nil
}

type parser struct {
	dec *json.Decoder
	err error // the first
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) token() json.Token {
	tok, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		p.fail("%w", err)
	}
	return tok
}

// object reads an object and calls member for each of its members, with the
// first token of the value. Keys that come twice are an error.
func (p *parser) object(what string, member func(key string, tok json.Token)) {
	if tok := p.token(); tok != json.Delim('{') {
		p.fail("%s is not an object", what)
		return
	}
	p.members(what, member)
}

func (p *parser) members(what string, member func(key string, tok json.Token)) {
	seen := map[string]bool{}
	for p.err == nil && p.dec.More() {
		key, _ := p.token().(string)
		if seen[key] {
			p.fail("%s: %s is given twice", what, strconv.Quote(shorten(key)))
			return
		}
		seen[key] = true
		tok := p.token()
		if p.err == nil {
			member(key, tok)
		}
	}
	if p.err == nil {
		p.token() // the closing brace
	}
}

func (p *parser) member(r *Record, key string, tok json.Token) {
	switch key {
	case "device_id":
		r.ID.Device = p.str(key, tok)
		if err := CheckDevice(r.ID.Device); err != nil {
			p.fail("%w", err)
		}
	case "boot":
		boot, err := ParseBoot(p.str(key, tok))
		if err != nil {
			p.fail("%w", err)
		}
		r.ID.Boot = boot
	case "seq":
		r.ID.Seq = p.uint(key, tok, 64)
	case "ts":
		s := p.str(key, tok)
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			p.fail("ts = %q is not an RFC 3339 time such as 2026-11-22T21:40:01.123Z", shorten(s))
		}
		r.Time = t.UTC().Truncate(time.Millisecond)
	case "schema":
		r.Schema = p.str(key, tok)
	case "meta":
		p.inner(key, tok, MaxMeta, func(name string, tok json.Token) {
			r.Meta = append(r.Meta, Meta{name, p.str("meta."+name, tok)})
		})
	case "readings":
		p.inner(key, tok, MaxReadings, func(name string, tok json.Token) {
			r.Readings = append(r.Readings, Reading{name, p.value(name, tok)})
		})
	default:
		p.fail("unknown member %s", strconv.Quote(shorten(key)))
	}
}

func (p *parser) inner(what string, tok json.Token, most int, member func(string, json.Token)) {
	if tok != json.Delim('{') {
		p.fail("%s is not an object", what)
		return
	}
	n := 0
	p.members(what, func(name string, tok json.Token) {
		if n++; n > most {
			p.fail("%s has more than %d members", what, most)
			return
		}
		if name == "" || len(name) > MaxNameBytes {
			p.fail("%s: a name is 1 to %d bytes, %s has %d", what, MaxNameBytes, strconv.Quote(shorten(name)), len(name))
			return
		}
		member(name, tok)
	})
}

func (p *parser) str(what string, tok json.Token) string {
	s, ok := tok.(string)
	if !ok {
		p.fail("%s is not a string", shorten(what))
	}
	return s
}

func (p *parser) uint(what string, tok json.Token, bits int) uint64 {
	n, _ := tok.(json.Number)
	u, err := strconv.ParseUint(string(n), 10, bits)
	if err != nil {
		p.fail("%s = %v is not an integer of 0 to %d bits", what, tok, bits)
	}
	return u
}

func (p *parser) value(name string, tok json.Token) Value {
	switch t := tok.(type) {
	case bool:
		return BoolValue(t)
	case string:
		return StringValue(t)
	case json.Number:
		s := string(t)
		if !strings.ContainsAny(s, ".eE") {
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				p.fail("%s = %s does not fit a 64-bit integer; write it with a point to have a float", shorten(name), shorten(s))
			}
			return IntValue(i)
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			p.fail("%s = %s does not fit a 64-bit float", shorten(name), shorten(s))
		}
		return FloatValue(f)
	case nil:
		p.fail("%s is null; leave the reading out instead", shorten(name))
	default:
		p.fail("%s is an object or an array; a reading is a number, true, false or a string", shorten(name))
	}
	return Value{}
}
