package mongosource

// Without a BatchSize, a source asks for as many documents as fill a reply of a certain size.
// Smaller replies cost more: with a small heap, each of them takes a collection of garbage. With a
// budget, memory matters more, also before the size of the documents is known.
const (
	replyBytes       = 4 << 20
	replyBytesBudget = 2 << 20 // with a budget

	firstBatch       = 1000 // documents of the first reply
	firstBatchBudget = 100  // with a budget
)

// firstBatch returns the number of documents to ask for first.
func (c *cursor) firstBatch() int32 {
	switch {
	case c.query.batchSize > 0:
		return int32(c.query.batchSize)
	case c.account != nil:
		return firstBatchBudget
	default:
		return firstBatch
	}
}

// adapt sets the size of the next batch, after one of n documents.
func (c *cursor) adapt(n int) {
	if c.query.batchSize > 0 {
		return
	}
	want := replyBytes
	if c.account != nil {
		want = replyBytesBudget
	}
	c.cur.SetBatchSize(int32(min(max(want/(c.bytes/n+1), 1), maxBatchSize)))
}
