package stream

import "testing"

func TestPartState(t *testing.T) {
	var s *partState
	calls := map[string]func() bool{
		"begin":  func() bool { return s.begin() },
		"reads":  func() bool { return s.isReading() },
		"ends":   func() bool { return s.end() },
		"revoke": func() bool { return s.revoke() },
	}
	type step struct {
		call string
		want bool
	}
	for name, steps := range map[string][]step{
		"fresh":              {{"reads", false}},
		"read in time":       {{"begin", true}, {"reads", true}, {"ends", true}, {"reads", false}, {"revoke", false}},
		"a second reader":    {{"begin", true}, {"begin", false}, {"reads", true}},
		"read twice":         {{"begin", true}, {"ends", true}, {"begin", false}, {"reads", false}},
		"not read":           {{"revoke", false}, {"begin", false}, {"reads", false}},
		"still read":         {{"begin", true}, {"revoke", true}, {"reads", false}, {"ends", false}, {"begin", false}},
		"read, then revoked": {{"begin", true}, {"ends", true}, {"revoke", false}, {"begin", false}},
	} {
		t.Run(name, func(t *testing.T) {
			s = new(partState)
			for i, step := range steps {
				if got := calls[step.call](); got != step.want {
					t.Fatalf("step %d: %s returned %t, want %t", i+1, step.call, got, step.want)
				}
			}
		})
	}
}
