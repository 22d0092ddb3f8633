package s3sink

import "testing"

func TestPutVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		facts putFacts
		want  verdict
	}{
		"ours":            {putFacts{key: keyOurs, maybeInFlight: true}, objectStored},
		"no object":       {putFacts{key: keyEmpty}, notStored},
		"another object":  {putFacts{key: keyOther}, outcomeUnknown},
		"an older object": {putFacts{key: keyOther, older: true}, notStored},
		"an older object so far": {
			putFacts{key: keyOther, older: true, maybeInFlight: true},
			outcomeUnknown,
		},
		"no object yet":                        {putFacts{key: keyEmpty, maybeInFlight: true}, outcomeUnknown},
		"another object so far":                {putFacts{key: keyOther, maybeInFlight: true}, outcomeUnknown},
		"the condition forbids a late attempt": {putFacts{keyOther, true, true, false}, notStored},
		"the condition, and no object":         {putFacts{keyEmpty, true, true, false}, outcomeUnknown},
		"no reply":                             {putFacts{key: keyUnknown}, outcomeUnknown},
		"no right to read":                     {putFacts{key: keyForbidden}, outcomeUnknown},
		"the same bytes":                       {putFacts{key: keySameBytes}, outcomeUnknown},
		"damaged":                              {putFacts{key: keyDamaged}, outcomeUnknown},
	} {
		if got := tt.facts.verdict(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestCompleteVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		facts completeFacts
		want  verdict
	}{
		"ours": {
			completeFacts{key: keyOurs, maybeInFlight: true, gone: true},
			objectStored,
		},
		"unfinished": {completeFacts{key: keyEmpty, maybeApplied: true}, notStored},
		"unfinished, now aborted": {
			completeFacts{key: keyOther, maybeInFlight: true, aborted: true},
			notStored,
		},
		"no right to read, aborted": {
			completeFacts{key: keyForbidden, maybeApplied: true, aborted: true},
			notStored,
		},
		"no reply to the HEAD, aborted": {
			completeFacts{key: keyUnknown, maybeInFlight: true, aborted: true},
			notStored,
		},
		"no right to read, gone":       {completeFacts{key: keyForbidden, gone: true}, outcomeUnknown},
		"no right to read, unfinished": {completeFacts{key: keyForbidden}, outcomeUnknown},
		"gone, never applied":          {completeFacts{key: keyEmpty, gone: true}, notStored},
		"gone, never applied, another": {completeFacts{key: keyOther, gone: true}, notStored},
		"gone, no object":              {completeFacts{key: keyEmpty, maybeApplied: true, gone: true}, notStored},
		"gone, no object yet":          {completeFacts{keyEmpty, true, true, true, false}, outcomeUnknown},
		"gone, stored and perhaps replaced": {
			completeFacts{key: keyOther, maybeApplied: true, gone: true},
			outcomeUnknown,
		},
		"the same bytes, gone": {
			completeFacts{key: keySameBytes, maybeApplied: true, gone: true},
			outcomeUnknown,
		},
		"damaged": {completeFacts{key: keyDamaged, maybeApplied: true}, outcomeUnknown},
	} {
		if got := tt.facts.verdict(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
