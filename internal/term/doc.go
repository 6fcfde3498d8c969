// Package term makes text of others harmless for a person's terminal: [Escape] for
// messages, [EscapeJSON] for JSON. A terminal obeys control characters, those of C1
// too, and bidirectional controls change the order in which a line is read, so what
// a device or a stream says could otherwise forge what a program prints.
package term
