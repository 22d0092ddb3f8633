package backup

import "github.com/millweir/millweir/stream"

// meters measure where the time of a backup goes.
type meters struct{ encoding stream.Stats }

// encode returns the counts of the encoding of all units.
func (m *meters) encode() *stream.Stats { return &m.encoding }

// bottleneck says what holds the backup back.
func (m *meters) bottleneck() string {
	s := m.encoding.Snapshot()
	s.Name = "encode"
	return stream.Bottleneck(s)
}
