package wire

import (
	"encoding/base64"
	"time"

	smithy "github.com/aws/smithy-go"
)

// lenient reads what the endpoints of application/x-amz-cbor-1.1 send where the
// SDK's RPC v2 protocol, which we read them with, is stricter.
type lenient struct{ smithy.Deserializable }

func (l lenient) Deserialize(d smithy.ShapeDeserializer) error {
	return l.Deserializable.Deserialize(awsCBOR{d})
}

type awsCBOR struct{ smithy.ShapeDeserializer }

// maxSeconds is the year 5138 in seconds, and 1973 in milliseconds.
const maxSeconds = 100_000_000_000

// ReadTime takes times as the service writes them: milliseconds since 1970, under
// tag 1 where RFC 8949 section 3.4.2 has seconds; kinesis-local leaves the tag out.
// https://github.com/aws/aws-sdk-java-v2/issues/4661
func (d awsCBOR) ReadTime(schema *smithy.Schema, v *time.Time) error {
	if err := d.ShapeDeserializer.ReadTime(schema, v); err != nil {
		var ms int64 // if it is the tag that was missing, nothing has been read yet
		if d.ReadInt64(schema, &ms) != nil {
			return err
		}
		*v = time.UnixMilli(ms)
	} else if s := v.Unix(); s > maxSeconds {
		*v = time.UnixMilli(s)
	}
	return nil
}

// ReadBlob also takes base64 in a text string, as kinesis-local sends it.
func (d awsCBOR) ReadBlob(schema *smithy.Schema, v *[]byte) error {
	err := d.ShapeDeserializer.ReadBlob(schema, v)
	if err == nil {
		return nil
	}
	var text string // if it is a text string, nothing has been read yet
	if d.ReadString(schema, &text) != nil {
		return err
	}
	b, bad := base64.StdEncoding.DecodeString(text)
	if bad != nil {
		return err
	}
	*v = b
	return nil
}
