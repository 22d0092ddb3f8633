package backup

import "fmt"

// checkReader returns [ErrNewerFormat] if an object of this kind needs a newer reader. It looks at
// nothing but that: the other fields of a newer format may have other types.
func checkReader(content []byte, kind string) error {
	var head struct {
		Kind   string `json:"millweir"`
		Reader int    `json:"reader"`
	}
	if err := unmarshal(content, &head); err != nil || head.Kind != kind || head.Reader <= format {
		return nil // the reader of the object reports other defects
	}
	return fmt.Errorf("%w: %d, the newest known is %d", ErrNewerFormat, head.Reader, format)
}
