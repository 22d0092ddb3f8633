package mongotest

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// validator is the rule that a collection sets for its documents.
type validator struct {
	valid    predicate // nil if there is none
	moderate bool      // documents that are not valid may be updated to others
}

// setValidator reads the rule from the options of c.
func (c *collection) setValidator(options bson.Raw) error {
	c.rule = validator{}
	filter, isDocument := options.Lookup("validator").DocumentOK()
	if !isDocument || len(filter) <= emptyDocument {
		return nil
	}
	valid, err := parseFilter(filter)
	if err != nil {
		return fmt.Errorf("the validator: %w", err)
	}
	level, _ := options.Lookup("validationLevel").StringValueOK()
	action, _ := options.Lookup("validationAction").StringValueOK()
	switch {
	case level != "" && level != "off" && level != "strict" && level != "moderate":
		return fmt.Errorf("unknown validationLevel: %s", level)
	case action != "" && action != "error" && action != "warn":
		return fmt.Errorf("unknown validationAction: %s", action)
	case level != "off" && action != "warn":
		c.rule = validator{valid, level == "moderate"}
	}
	return nil
}

// refuses returns the refusal of a document that replaces another one, or is new if before is nil.
func (v validator) refuses(before, after bson.Raw) *refusal {
	const documentValidationFailure = 121
	if v.valid == nil || v.valid(after) || v.moderate && before != nil && !v.valid(before) {
		return nil
	}
	return &refusal{documentValidationFailure, "Document failed validation"}
}
