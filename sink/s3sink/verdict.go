package s3sink

// verdict says what became of the object whose last request has failed.
type verdict int

const (
	outcomeUnknown verdict = iota
	objectStored
	notStored
)

// putFacts are the facts about a failed PutObject that the service may have executed.
type putFacts struct {
	key              keyState
	maybeInFlight    bool // the service may still execute an attempt
	conditionRefused bool // the service rejected the condition of IfAbsent
	older            bool // the object at the key is older than the run
}

// verdict decides about the object. An attempt without a reply may still be executed, whatever the
// service answered to later ones, unless the condition and another object at the key forbid it. If
// that object is not older than the run, it may have replaced this run's.
func (f putFacts) verdict() verdict {
	forbidden := f.conditionRefused && f.key == keyOther
	switch {
	case f.key == keyOurs:
		return objectStored
	case forbidden:
		return notStored
	case !f.key.withoutOurs(), f.maybeInFlight, f.key == keyOther && !f.older:
		return outcomeUnknown
	}
	return notStored
}

// completeFacts are the facts about a failed CompleteMultipartUpload.
type completeFacts struct {
	key           keyState
	maybeApplied  bool // the service may have executed an attempt
	maybeInFlight bool // and may still do so
	gone          bool // the service no longer knows the upload, and the run has not aborted it
	aborted       bool // the run has aborted the unfinished upload
}

// verdict decides about the object. An accepted abort settles it: the upload was never completed,
// and no attempt can complete it later. If the upload is gone without an abort of the run, it was
// completed, or another client has aborted it. Then the object may have been stored and replaced.
func (f completeFacts) verdict() verdict {
	switch {
	case f.key == keyOurs:
		return objectStored
	case f.aborted:
		return notStored
	case !f.key.withoutOurs():
		return outcomeUnknown
	case f.gone && (f.maybeInFlight || f.maybeApplied && f.key == keyOther):
		return outcomeUnknown
	}
	return notStored
}
