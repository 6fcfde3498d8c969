package wire

import (
	"io"
	"log"
)

// quiet is for servers that see handshakes fail.
var quiet = log.New(io.Discard, "", 0)
