package mongosink

// WriteResult counts the outcomes of writes, even if the run failed.
//
// A write of one document is in exactly one of Inserted, AlreadyThere, Matched, Upserted, Deleted,
// Unmatched, Settled, Failed and Unknown. Of UpdateMany and DeleteMany, Matched, Upserted and Deleted
// count documents. None of them counts the writes of an ordered batch after the one that failed, and
// those of a batch of which the server executed nothing.
//
// A server with retryable writes remembers what a write did. So a repetition after a lost reply
// counts as the first attempt would have.
type WriteResult struct {
	Inserted     int64 // documents of inserts that are stored
	AlreadyThere int64 // documents of inserts that were stored before, with the same bytes
	Matched      int64 // documents that a replacement or an update found
	Modified     int64 // of Matched, the documents that changed
	Upserted     int64 // documents that a replacement or an update inserted
	Deleted      int64 // documents
	Unmatched    int64 // replacements, updates and deletions that found no document

	// Settled counts replacements, updates and deletions that have taken effect, as reading back
	// showed after a lost reply. What they did is not known: find, change, insert or delete a
	// document, or nothing because the collection was as they would leave it.
	Settled int64

	Failed  int64 // writes that the server refused: the error lists them, or Refused got them
	Unknown int64 // writes that may be executed or not

	Bytes   int64 // of inserted documents
	Batches int64 // with a reply
}

// changed returns how many writes changed the collection, or may have.
func (r *WriteResult) changed() int64 {
	return r.Inserted + r.AlreadyThere + r.Matched + r.Upserted + r.Deleted + r.Settled
}

// executed returns how many writes were executed, or found their document stored.
func (r *WriteResult) executed() int64 { return r.changed() + r.Unmatched }
