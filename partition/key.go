package partition

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxKeyRunes is the longest partition key of the Kinesis API, in Unicode code
// points. A key of 256 code points may be up to 1,024 bytes long.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
const MaxKeyRunes = 256

// CheckKey returns an error if Kinesis would refuse the partition key: it must
// be 1 to [MaxKeyRunes] code points of valid UTF-8.
func CheckKey(key string) error {
	if key == "" {
		return errors.New("partition: partition key is empty, want 1 to 256 characters")
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("partition: partition key %s is not valid UTF-8", quote(key))
	}
	if n := utf8.RuneCountInString(key); n > MaxKeyRunes {
		return fmt.Errorf("partition: partition key %s has %d characters, over the limit of %d", quote(key), n, MaxKeyRunes)
	}
	return nil
}

// CheckExplicitHashKey returns an error if Kinesis would refuse the explicit
// hash key: it must be a decimal number of 0 to 2^128-1 without leading zeros.
// Where an explicit hash key is optional, an empty one means none; check for
// that first.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
func CheckExplicitHashKey(key string) error {
	if _, err := ParseHash(key); err != nil {
		return fmt.Errorf("explicit hash key: %w", err)
	}
	return nil
}

// quote returns s in quotes, cut short so that a message stays readable.
func quote(s string) string {
	const max = 40
	if len(s) <= max {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q...", s[:max])
}
