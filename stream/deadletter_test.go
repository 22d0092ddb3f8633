package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestDeadLetterAsJSON(t *testing.T) {
	bad := stream.Mark(errors.New("not a \"date\""), stream.Data)
	for _, tt := range []struct {
		letter any
		want   string
	}{
		{
			stream.DeadLetter[string]{Element: "<x>", Position: 7, Err: bad},
			`{"position":7,"class":"data","error":"not a \"date\"","element":"\u003cx\u003e"}`,
		},
		{
			stream.DeadLetter[json.RawMessage]{Element: json.RawMessage(`{"a":1}`), Err: errBoom},
			`{"position":0,"class":"unclassified","error":"boom","element":{"a":1}}`,
		},
		{
			&stream.DeadLetter[[]byte]{Element: []byte{0, 255}, Err: bad},
			`{"position":0,"class":"data","error":"not a \"date\"","element":"AP8="}`,
		},
		{stream.DeadLetter[int]{}, `{"position":0,"class":"unclassified","error":"","element":0}`},
	} {
		if got, err := json.Marshal(tt.letter); string(got) != tt.want || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, tt.want)
		}
	}
	if _, err := json.Marshal(stream.DeadLetter[chan int]{Err: bad}); err == nil {
		t.Error("an element that JSON cannot represent was lost without an error")
	}
}

// The letter of an element that was retried counts the calls.
func TestDeadLetterCountsAttempts(t *testing.T) {
	fail := stream.Retry(func(context.Context, int) (int, error) {
		return 0, stream.Mark(errBoom, stream.Retryable)
	}, &stream.Backoff{MaxRetries: 2, Min: 1, Max: 1})
	var letters []stream.DeadLetter[int]
	keep := func(_ context.Context, d stream.DeadLetter[int]) error {
		letters = append(letters, d)
		return nil
	}
	all := &stream.SuperviseOptions[int]{When: func(error) bool { return true }}
	_, err := stream.Run(t.Context(), stream.Via(source.Of(5), stream.Supervise(1, fail, keep, all)),
		sink.Discard[int]())
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	text, err := json.Marshal(letters[0])
	var got struct {
		Class    string
		Attempts int
	}
	if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil || got.Class != "retryable" ||
		got.Attempts != 3 {
		t.Errorf("%s, %v", text, err)
	}
}
