package record

// Mark says how far the records of a device and a boot are complete, as the device
// knows it when it makes a frame of them. Marks let a consumer forget ids, and tell
// missing records from those still to come; none makes a record a duplicate.
type Mark struct {
	// Complete: of this device and boot nothing is outstanding on the device that
	// comes before the first of the frame's records of it.
	Complete bool
	// Closed are other boots, at most [MaxClosed], of which nothing of the device is
	// outstanding at all, and never will be. Without Complete it means nothing.
	Closed []uint64
}

// MaxClosed is how many boots a [Mark] may close.
const MaxClosed = 64
